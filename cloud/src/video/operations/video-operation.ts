import type { Output } from "../../codec/wire-codec.js";
import { Reading, type Shape } from "../../codec/shape.js";
import type { TokenSealer } from "../../streams/sealed-token.js";
import type { PlayableTracksReader } from "../hls/playable-tracks.js";
import type { VideoService } from "../video-service.js";

/** What operations work with. */
export interface VideoContext {
  readonly service: VideoService;
  readonly sealer: TokenSealer;
  readonly tracks: PlayableTracksReader;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What stands in a request beside its body. */
export interface VideoRequestFacts {
  /** Our own URL as this client reached it. */
  readonly endpoint: string;
}

/** One operation of the API that answers with JSON: its input's shape with all constraints, and what it does. */
export interface VideoOperation {
  /** @returns the answer; undefined for an empty one. @throws {CloudError} @throws {VideoError} */
  run(body: unknown, context: VideoContext, facts: VideoRequestFacts): Promise<Output | undefined>;
}

/** Declares an operation. Its handler gets an input that keeps to its shape. */
export function videoOperation<T>(
  input: Shape<T>,
  handle: (
    input: T,
    context: VideoContext,
    facts: VideoRequestFacts,
  ) => Promise<Output | undefined> | Output | undefined,
): VideoOperation {
  return {
    async run(body, context, facts) {
      return handle(readInput(input, body), context, facts);
    },
  };
}

/** @throws {CloudError} `body-malformed`, `constraint-violated`. */
export function readInput<T>(input: Shape<T>, body: unknown): T {
  const reading = new Reading("json");
  const value = input.read(body, reading);
  reading.finish();
  return value;
}
