import { ClientError } from "../client-error.js";
import { replay } from "./replay.js";

/** What `headwater replay` is given; times as ISO 8601. */
export interface ReplayFlags {
  readonly start: string;
  readonly end?: string;
  readonly endpoint: string;
  readonly toEndpoint?: string;
  readonly region: string;
}

/** What the command line runs. */
export const streamReplayer = {
  summary: "puts a time range of a stream's records into another stream",

  /** @throws {Error} whose message tells the operator what is wrong; the signal's reason once it is aborted. */
  async run(
    from: string,
    to: string,
    { start, end, endpoint, toEndpoint = endpoint, region }: ReplayFlags,
    world: {
      readonly stdout: NodeJS.WritableStream;
      readonly stderr: NodeJS.WritableStream;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { stdout, stderr, signal } = world;
    let lastFailure = "";
    const { records, bytes } = await replay({
      from: { stream: from, aws: { endpoint, region } },
      to: { stream: to, aws: { endpoint: toEndpoint, region } },
      startMs: timeOf("--start", start),
      ...(end === undefined ? {} : { endMs: timeOf("--end", end) }),
      signal,
      report: ({ code, message }) => {
        // Throttling is how a shard's limits show, and nothing to worry about.
        if (code === "throttled" || message === lastFailure) return;
        lastFailure = message;
        stderr.write(`${message}; trying again\n`);
      },
    });
    stdout.write(`${records} records, ${bytes} bytes\n`);
  },
};

function timeOf(flag: string, text: string): number {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) {
    throw new ClientError("invalid-options", `${flag} ${text} is no time, such as 2026-01-31T12:00Z`);
  }
  return timeMs;
}
