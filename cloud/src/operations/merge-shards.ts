import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import { planMerge } from "../streams/shard-plan.js";
import { shardId, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { checkProvisioned } from "./provisioned-only.js";
import { shardNumberOf } from "./shard-reference.js";
import { streamNameOf } from "./stream-reference.js";

export const mergeShards = operation(
  structure({ required: { ShardToMerge: shardId, AdjacentShardToMerge: shardId }, optional: streamReference }),
  async (input, { service }) => {
    const streamName = streamNameOf(input, service);
    for (const one of [input.ShardToMerge, input.AdjacentShardToMerge]) shardNumberOf(one, streamName, service);
    await service.reshard(streamName, (stream) => {
      checkProvisioned(stream, service);
      const left = stream.shardToChange(input.ShardToMerge);
      const right = stream.shardToChange(input.AdjacentShardToMerge);
      // As AWS, in this order only.
      if (left.endingHashKey + 1n !== right.startingHashKey) {
        throw new CloudError(
          "argument-invalid",
          `Shards ${left.shardId} and ${right.shardId} in stream ${stream.name} under account ${service.accountId} ` +
            "are not an adjacent pair of shards eligible for merging",
        );
      }
      return planMerge(left.planned, right.planned);
    });
    return undefined;
  },
);
