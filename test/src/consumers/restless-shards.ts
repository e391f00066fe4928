import { type KinesisClient, ListShardsCommand, MergeShardsCommand, SplitShardCommand } from "@aws-sdk/client-kinesis";
import type { Random } from "../harness/random.js";

/** Splits a shard of the stream in its middle, or merges it with the next, as chance has it. */
export async function reshard(client: KinesisClient, StreamName: string, random: Random): Promise<void> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName, ShardFilter: { Type: "AT_LATEST" } }));
  const open = Shards.map(({ ShardId = "", HashKeyRange }) => ({
    ShardId,
    from: BigInt(HashKeyRange?.StartingHashKey ?? 0),
    to: BigInt(HashKeyRange?.EndingHashKey ?? 0),
  })).sort((a, b) => (a.from < b.from ? -1 : 1));
  const at = random.between(0, open.length - 1);
  const [shard, next] = [open[at], open[at + 1]];
  if (shard === undefined) throw new Error("no open shard");
  if (next !== undefined && (open.length >= 6 || random.fraction() < 0.4)) {
    const pair = { ShardToMerge: shard.ShardId, AdjacentShardToMerge: next.ShardId };
    await client.send(new MergeShardsCommand({ StreamName, ...pair }));
  } else {
    const NewStartingHashKey = String((shard.from + shard.to) / 2n + 1n);
    await client.send(new SplitShardCommand({ StreamName, ShardToSplit: shard.ShardId, NewStartingHashKey }));
  }
}
