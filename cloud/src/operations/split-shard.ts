import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import { planSplit } from "../streams/shard-plan.js";
import { hashKey, shardId, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { checkProvisioned } from "./provisioned-only.js";
import { shardNumberOf } from "./shard-reference.js";
import { streamNameOf } from "./stream-reference.js";

export const splitShard = operation(
  structure({
    order: ["NewStartingHashKey", "StreamName", "ShardToSplit"],
    required: { ShardToSplit: shardId, NewStartingHashKey: hashKey },
    optional: streamReference,
  }),
  async (input, { service }) => {
    const streamName = streamNameOf(input, service);
    shardNumberOf(input.ShardToSplit, streamName, service);
    await service.reshard(streamName, (stream) => {
      checkProvisioned(stream, service);
      const shard = stream.shardToChange(input.ShardToSplit);
      const { startingHashKey, endingHashKey } = shard;
      const at = BigInt(input.NewStartingHashKey);
      // As AWS: neither child gets a single hash key.
      if (at <= startingHashKey + 1n || at >= endingHashKey) {
        throw new CloudError(
          "argument-invalid",
          `NewStartingHashKey ${at} used in SplitShard() on ${shard.place} is not both greater than one plus the ` +
            `shard's StartingHashKey ${startingHashKey} and less than the shard's EndingHashKey ${endingHashKey}.`,
        );
      }
      return planSplit(shard.planned, at);
    });
    return undefined;
  },
);
