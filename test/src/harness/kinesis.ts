import {
  CreateStreamCommand,
  GetRecordsCommand,
  type GetRecordsCommandOutput,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  ProvisionedThroughputExceededException,
  PutRecordsCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import type { ReadRecord } from "../programs/history.js";
import { credentials, type Keys, region } from "./credentials.js";
import type { Scope } from "./scope.js";
import { until } from "./until.js";

/** AWS's own JavaScript client as it comes: only endpoint, region and keys are set. */
export function kinesisClient(scope: Scope, endpoint: string, keys: Keys = credentials): KinesisClient {
  const client = new KinesisClient({ endpoint, region, credentials: keys });
  scope.defer(() => client.destroy());
  return client;
}

export async function createStream(client: KinesisClient, StreamName: string, ShardCount: number): Promise<void> {
  await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
  await waitUntilStreamExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { StreamName });
}

/** Everything in the stream, shard by shard, from the beginning to the tip. */
export async function readAll(client: KinesisClient, StreamName: string): Promise<ReadRecord[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }));
  const shards = await Promise.all(
    Shards.map(async ({ ShardId = "" }) => await readShard(client, StreamName, ShardId)),
  );
  return shards.flat();
}

async function readShard(client: KinesisClient, StreamName: string, ShardId: string): Promise<ReadRecord[]> {
  const { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
  );
  const records: ReadRecord[] = [];
  for (let next = ShardIterator; next !== undefined;) {
    const { Records = [], NextShardIterator, MillisBehindLatest } = await getRecords(client, next);
    for (const { SequenceNumber = "", PartitionKey = "", Data = new Uint8Array() } of Records) {
      records.push({ shard: ShardId, sequenceNumber: SequenceNumber, partitionKey: PartitionKey, data: Data });
    }
    next = Records.length === 0 && MillisBehindLatest === 0 ? undefined : NextShardIterator;
  }
  return records;
}

/** A shard answers five reads a second, and no more for a while after 10 MiB: then this waits as long as it takes. */
async function getRecords(client: KinesisClient, ShardIterator: string): Promise<GetRecordsCommandOutput> {
  return await until(
    "the shard to be read",
    () =>
      client.send(new GetRecordsCommand({ ShardIterator })).catch((error: unknown) => {
        if (error instanceof ProvisionedThroughputExceededException) return undefined;
        throw error;
      }),
    { everyMs: 200 },
  );
}

/** A client that only ever behaves: writes small batches until told to stop, and must never see an error. */
export class Bystander {
  #acknowledged = 0;
  #stopping = false;
  readonly #running: Promise<void>;

  constructor(client: KinesisClient, stream: string) {
    this.#running = this.#run(client, stream);
    // Seen by `finish`; until then the rejection has no other owner.
    this.#running.catch(() => undefined);
  }

  async #run(client: KinesisClient, StreamName: string): Promise<void> {
    while (!this.#stopping) {
      const Records = Array.from({ length: 5 }, (_, i) => ({
        PartitionKey: `bystander-${i}`,
        Data: Buffer.from(`${this.#acknowledged}`),
      }));
      const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
      if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} of the bystander's records were rejected`);
      this.#acknowledged += Records.length;
      // A shard takes 1,000 records a second: who behaves well asks for less.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Waits until more of its records were acknowledged than now: proof that it is still served. */
  async progresses(): Promise<void> {
    const before = this.#acknowledged;
    await until("the bystander to be served", () => this.#acknowledged >= before + 10);
  }

  /** Stops it; throws what it met. */
  async finish(): Promise<number> {
    this.#stopping = true;
    await this.#running;
    return this.#acknowledged;
  }
}
