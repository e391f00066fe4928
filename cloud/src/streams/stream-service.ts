import type { StreamDescription, ShardDescription, StreamRecord } from "./stream.js";

/** What the rest of the cloud may ask of Data Streams without going through the wire protocol. */
export interface StreamReader {
  /** All streams, by name. */
  listStreams(): StreamDescription[];
  /** @throws {StreamError} `stream-not-found`. */
  describe(streamName: string): StreamDescription;
  /** @throws {StreamError} `stream-not-found`. */
  shards(streamName: string): ShardDescription[];
  /**
   * Records of all shards from now on, until the signal aborts, the reader stops or the stream goes. Reads from the log
   * as the reader pulls, so a slow reader lags and costs no memory.
   * @throws {StreamError} `stream-not-found`.
   */
  tail(streamName: string, signal: AbortSignal): AsyncIterable<StreamRecord>;
}
