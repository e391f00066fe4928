export * from "./ack.js";
export { callKinesisVideo, getDataEndpoint, type KinesisVideoOptions } from "./kinesis-video.js";
export * from "./matroska-body.js";
export * from "./put-media.js";
export * from "./put-media-error.js";
export type { AwsCredentials } from "./sign.js";
