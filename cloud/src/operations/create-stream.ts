import { enumeration, structure } from "../codec/shape.js";
import { CloudError } from "../cloud-error.js";
import { maxRecordKib, shardCount, streamModeDetails, streamName, tags, warmThroughputMibps } from "./members.js";
import { checkOnDemandLimit } from "./on-demand-limit.js";
import { operation } from "./operation.js";
import { withTags } from "./tags.js";

/** With which a stream on demand begins. Source: Kinesis Data Streams Developer Guide. */
const ON_DEMAND_SHARDS = 4;

export const createStream = operation(
  structure({
    required: { StreamName: streamName },
    order: ["ShardCount", "StreamName"],
    optional: {
      ShardCount: shardCount,
      StreamModeDetails: streamModeDetails,
      Tags: tags,
      MaxRecordSizeInKiB: maxRecordKib,
      WarmThroughputMiBps: warmThroughputMibps,
      RecordDistributionStrategy: enumeration("AUTO", "USER_PARTITION_KEY"),
    },
  }),
  async (input, { service }) => {
    const { StreamName, ShardCount, Tags = new Map<string, string>() } = input;
    const { MaxRecordSizeInKiB: kib, WarmThroughputMiBps: mibps } = input;
    // As AWS: who says neither a mode nor a number of shards gets a stream on demand.
    const mode = input.StreamModeDetails?.StreamMode ?? (ShardCount === undefined ? "ON_DEMAND" : "PROVISIONED");
    if (input.RecordDistributionStrategy === "AUTO") {
      throw new CloudError("argument-invalid", "The AUTO record distribution strategy is not supported by Headwater.");
    }
    if (mode === "PROVISIONED" && mibps !== undefined) {
      throw new CloudError(
        "argument-invalid",
        "WarmThroughputMiBps can only be specified for streams in ON_DEMAND mode.",
      );
    }
    if (mode === "PROVISIONED" && ShardCount === undefined) {
      throw new CloudError("argument-invalid", "ShardCount must be specified for a stream in PROVISIONED mode.");
    }
    if (mode === "ON_DEMAND" && ShardCount !== undefined) {
      throw new CloudError("argument-invalid", "ShardCount must not be specified for a stream in ON_DEMAND mode.");
    }
    if (mode === "ON_DEMAND" && service.lookUp(StreamName) === undefined) checkOnDemandLimit(service);
    await service.createStream({
      name: StreamName,
      shardCount: ShardCount ?? ON_DEMAND_SHARDS,
      mode,
      tags: withTags({}, Tags, `stream ${StreamName} under account ${service.accountId}`),
      ...(kib === undefined ? {} : { maxRecordKib: kib }),
      ...(mibps === undefined ? {} : { warmThroughputMibps: mibps }),
    });
    return undefined;
  },
);
