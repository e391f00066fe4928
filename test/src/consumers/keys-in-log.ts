import { type KinesisClient, ListShardsCommand } from "@aws-sdk/client-kinesis";
import { findByHashKey, hashPartitionKey, readAggregate } from "@headwater/protocol";
import { readAll } from "../harness/kinesis.js";

/** The numbers of each key, in the log's order: shard by shard, parents first, aggregates taken apart as consumers do. */
export async function keysInLog(client: KinesisClient, StreamName: string): Promise<Map<string, number[]>> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }));
  const ranges = new Map(
    Shards.map(({ ShardId = "", HashKeyRange }) => [
      ShardId,
      {
        startingHashKey: BigInt(HashKeyRange?.StartingHashKey ?? 0),
        endingHashKey: BigInt(HashKeyRange?.EndingHashKey ?? 0),
      },
    ]),
  );
  const numbers = new Map<string, number[]>();
  for (const record of await readAll(client, StreamName)) {
    const range = ranges.get(record.shard);
    for (const { partitionKey, data } of readAggregate(record.data) ?? [record]) {
      if (range === undefined || findByHashKey([range], hashPartitionKey(partitionKey)) === undefined) continue;
      numbers.set(partitionKey, [...(numbers.get(partitionKey) ?? []), Number(Buffer.from(data))]);
    }
  }
  return numbers;
}
