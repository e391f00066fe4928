import type { Logger } from "pino";
import type { z } from "zod";

/**
 * What device, gateway and cloud export as `part` from their `main` entry: all that the command line knows of them.
 * They do not import this; the compiler checks the shape in parts.ts.
 */
export interface Part {
  readonly name: string;
  readonly summary: string;
  /** An object schema that refuses unknown keys; flags, environment names and help are derived from it. */
  readonly settings: z.ZodType;
  /**
   * Resolves once the part serves.
   * @param settings what `settings` made of the input.
   * @throws an error whose message tells the operator what to do; a TypeError and its like count as a bug.
   */
  start(settings: never, host: { readonly logger: Logger }): Promise<Running>;
  /** Commands beside the service itself, such as `headwater gateway passwd`. */
  readonly verbs?: Readonly<Record<string, Verb>>;
}

export interface Running {
  /** For the ready line, such as `{ http: "http://127.0.0.1:4567" }`. */
  readonly addresses: Readonly<Record<string, string>>;
  health(): { readonly ok: boolean; readonly [detail: string]: unknown };
  /** Prometheus text. */
  metrics(): Promise<string>;
  /** Stops in good order; resolves well within 10 s. */
  stop(): Promise<void>;
}

export interface Verb {
  readonly summary: string;
  run(io: VerbIo): Promise<void>;
}

/** What the cloud exports for `headwater usage`. */
export interface UsageReporter {
  readonly summary: string;
  /** @throws {Error} whose message tells the operator what is wrong. */
  run(
    options: {
      readonly endpoint: string;
      readonly region: string;
      readonly data?: string;
      readonly from?: string;
      readonly to?: string;
      readonly prices?: string;
      readonly json: boolean;
    },
    world: {
      readonly environment: Readonly<Record<string, string | undefined>>;
      readonly stdout: NodeJS.WritableStream;
    },
  ): Promise<void>;
}

/** What the client exports for `headwater replay`. */
export interface StreamReplayer {
  readonly summary: string;
  /**
   * @param from the stream to read. @param to the stream to put into.
   * @throws {Error} whose message tells the operator what is wrong; the signal's reason once it is aborted.
   */
  run(
    from: string,
    to: string,
    options: {
      readonly start: string;
      readonly end?: string;
      readonly endpoint: string;
      readonly toEndpoint?: string;
      readonly region: string;
    },
    world: {
      readonly stdout: NodeJS.WritableStream;
      readonly stderr: NodeJS.WritableStream;
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
}

/** The terminal, or what stands in for it. */
export interface VerbIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}
