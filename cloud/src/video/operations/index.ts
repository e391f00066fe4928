import { getHlsStreamingSessionUrl } from "../hls/get-hls-streaming-session-url.js";
import { createStream } from "./create-stream.js";
import { deleteStream } from "./delete-stream.js";
import { describeStream } from "./describe-stream.js";
import { getDataEndpoint } from "./get-data-endpoint.js";
import { listFragments } from "./list-fragments.js";
import { listStreams } from "./list-streams.js";
import { updateDataRetention } from "./update-data-retention.js";
import type { VideoOperation } from "./video-operation.js";

export type { VideoContext, VideoOperation } from "./video-operation.js";

/** Video Streams' operations that answer with JSON, by name; a POST to the name in camel case asks for them. */
export const videoOperations: ReadonlyMap<string, VideoOperation> = new Map([
  ["CreateStream", createStream],
  ["DeleteStream", deleteStream],
  ["DescribeStream", describeStream],
  ["GetDataEndpoint", getDataEndpoint],
  ["GetHLSStreamingSessionURL", getHlsStreamingSessionUrl],
  ["ListFragments", listFragments],
  ["ListStreams", listStreams],
  ["UpdateDataRetention", updateDataRetention],
]);
