import {
  type ChildShard,
  DescribeStreamSummaryCommand,
  type KinesisClient,
  ListShardsCommand,
  RegisterStreamConsumerCommand,
  type StartingPosition,
  type SubscribeToShardEvent,
  type SubscribeToShardEventStream,
  SubscribeToShardCommand,
} from "@aws-sdk/client-kinesis";

/** Registers a consumer; answers its ARN. */
export async function registerConsumer(client: KinesisClient, StreamName: string, name: string): Promise<string> {
  const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
  const { StreamARN } = StreamDescriptionSummary ?? {};
  const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: name }));
  return Consumer?.ConsumerARN ?? "";
}

/** The events of a subscription, until it ends. @throws the exception with which it ends. */
export async function* subscribe(
  client: KinesisClient,
  consumerArn: string,
  shardId: string,
  position: StartingPosition = { Type: "TRIM_HORIZON" },
): AsyncGenerator<SubscribeToShardEvent, void, undefined> {
  const input = { ConsumerARN: consumerArn, ShardId: shardId, StartingPosition: position };
  const { EventStream } = await client.send(new SubscribeToShardCommand(input));
  for await (const message of EventStream ?? []) yield eventOf(message);
}

function eventOf(message: SubscribeToShardEventStream): SubscribeToShardEvent {
  if (message.SubscribeToShardEvent !== undefined) return message.SubscribeToShardEvent;
  throw Object.values(message)[0];
}

/** Reads a stream from its beginning as consumers do: a shard's children once all their parents have ended. */
export class FanOutReader {
  /** The values that came, by partition key. */
  readonly values = new Map<string, string[]>();
  /** Shards that were begun. */
  readonly begun = new Set<string>();
  readonly #client: KinesisClient;
  readonly #consumerArn: string;
  readonly #ended = new Set<string>();
  readonly #reading: Promise<void>[] = [];

  private constructor(client: KinesisClient, consumerArn: string) {
    this.#client = client;
    this.#consumerArn = consumerArn;
  }

  static async start(client: KinesisClient, StreamName: string, consumerArn: string): Promise<FanOutReader> {
    const reader = new FanOutReader(client, consumerArn);
    const { Shards = [] } = await client.send(
      new ListShardsCommand({ StreamName, ShardFilter: { Type: "AT_TRIM_HORIZON" } }),
    );
    for (const { ShardId = "" } of Shards) reader.#begin(ShardId);
    return reader;
  }

  /** Values that have come. */
  get count(): number {
    return [...this.values.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Resolves when every subscription has ended. @throws what one ended with. */
  async ended(): Promise<void> {
    for (const reading of this.#reading) await reading; // more of them may come
  }

  #begin(shardId: string): void {
    this.begun.add(shardId);
    const reading = this.#read(shardId);
    this.#reading.push(reading);
    reading.catch(() => undefined); // seen by `ended`
  }

  async #read(shardId: string): Promise<void> {
    for await (const { Records = [], ChildShards } of subscribe(this.#client, this.#consumerArn, shardId)) {
      for (const { PartitionKey = "", Data = new Uint8Array() } of Records) {
        const values = this.values.get(PartitionKey) ?? [];
        values.push(Buffer.from(Data).toString());
        this.values.set(PartitionKey, values);
      }
      if (ChildShards !== undefined) this.#beginChildren(shardId, ChildShards);
    }
  }

  #beginChildren(shardId: string, children: readonly ChildShard[]): void {
    this.#ended.add(shardId);
    for (const { ShardId = "", ParentShards = [] } of children) {
      if (!this.begun.has(ShardId) && ParentShards.every((parent) => this.#ended.has(parent))) this.#begin(ShardId);
    }
  }
}
