import type { VideoStreamDescription } from "../video-stream.js";
import { streamReferenceInput } from "./members.js";
import { streamNameOf } from "./stream-reference.js";
import { videoOperation } from "./video-operation.js";

export const describeStream = videoOperation(streamReferenceInput, (reference, { service }) => ({
  StreamInfo: streamInfo(service.describe(streamNameOf(reference, service))),
}));

/** A stream as DescribeStream and ListStreams tell it. */
export function streamInfo(stream: VideoStreamDescription): Record<string, string | number | Date | undefined> {
  return {
    DeviceName: stream.deviceName,
    StreamName: stream.name,
    StreamARN: stream.arn,
    MediaType: stream.mediaType,
    KmsKeyId: stream.kmsKeyId ?? "aws/kinesisvideo",
    Version: stream.version,
    Status: stream.status,
    CreationTime: new Date(stream.createdMs),
    DataRetentionInHours: stream.retentionHours,
  };
}
