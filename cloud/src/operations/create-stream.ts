import { integer, structure } from "../codec/shape.js";
import { CloudError } from "../cloud-error.js";
import { streamModeDetails, streamName, tags } from "./members.js";
import { operation } from "./operation.js";

/** With which a stream on demand begins. Source: Kinesis Data Streams Developer Guide. */
const ON_DEMAND_SHARDS = 4;

export const createStream = operation(
  structure({
    required: { StreamName: streamName },
    optional: { ShardCount: integer({ min: 1 }), StreamModeDetails: streamModeDetails, Tags: tags },
  }),
  async ({ StreamName, ShardCount, StreamModeDetails, Tags }, { service }) => {
    const mode = StreamModeDetails?.StreamMode ?? "PROVISIONED";
    if (mode === "PROVISIONED" && ShardCount === undefined) {
      throw new CloudError("argument-invalid", "ShardCount must be specified for a stream in PROVISIONED mode.");
    }
    if (mode === "ON_DEMAND" && ShardCount !== undefined) {
      throw new CloudError("argument-invalid", "ShardCount must not be specified for a stream in ON_DEMAND mode.");
    }
    await service.createStream({
      name: StreamName,
      shardCount: ShardCount ?? ON_DEMAND_SHARDS,
      mode,
      tags: Object.fromEntries(Tags ?? []),
    });
    return undefined;
  },
);
