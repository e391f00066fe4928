import { structure } from "../codec/shape.js";
import { shard, streamSettings, streamSummary } from "./descriptions.js";
import { pageSize, shardId, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

/** Also for who asks for more. Source: API reference. */
const PAGE_SHARDS = 100;

export const describeStream = operation(
  structure({
    required: {},
    optional: { Limit: pageSize, ExclusiveStartShardId: shardId, ...streamReference },
  }),
  (input, { service }) => {
    const name = streamNameOf(input, service);
    const stream = service.describe(name);
    const { ExclusiveStartShardId: after = "" } = input;
    const limit = Math.min(input.Limit ?? PAGE_SHARDS, PAGE_SHARDS);
    // Until a stream is there, and once it goes, it has no shards to work with.
    const state = service.find(name);
    const all = state.isServing ? state.unexpiredShards() : [];
    const left = all.filter(({ shardId: id }) => id > after);
    return {
      StreamDescription: {
        ...streamSummary(stream),
        ...streamSettings(stream),
        Shards: left.slice(0, limit).map((owner) => shard(owner.describe())),
        HasMoreShards: left.length > limit,
      },
    };
  },
);
