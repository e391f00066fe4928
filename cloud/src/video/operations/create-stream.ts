import { string, structure } from "../../codec/shape.js";
import { deviceName, hours, mediaType, streamName, tags } from "./members.js";
import { videoOperation } from "./video-operation.js";

export const createStream = videoOperation(
  structure({
    required: { StreamName: streamName },
    optional: {
      DeviceName: deviceName,
      MediaType: mediaType,
      KmsKeyId: string({ min: 1, max: 2048 }),
      DataRetentionInHours: hours,
      Tags: tags,
    },
  }),
  async ({ StreamName, DeviceName, MediaType, KmsKeyId, DataRetentionInHours, Tags }, { service }) => ({
    StreamARN: await service.create({
      name: StreamName,
      retentionHours: DataRetentionInHours ?? 0,
      deviceName: DeviceName,
      mediaType: MediaType,
      kmsKeyId: KmsKeyId,
      tags: Object.fromEntries(Tags ?? []),
    }),
  }),
);
