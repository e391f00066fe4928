import type { Answer } from "./test-service.js";

interface ChildShard {
  readonly ShardId: string;
  readonly ParentShards: readonly string[];
}

interface Reading {
  iterator: unknown;
  /** Whether the last answer left nothing behind it. */
  isCaughtUp: boolean;
}

/**
 * Reads a stream as consumers do: the oldest shards first, and each shard's children when all their parents have ended.
 * Speaks to it by operations only.
 */
export class TreeReader {
  /** What came, by partition key. */
  readonly values = new Map<string, number[]>();
  readonly #call: (operation: string, input: object) => Promise<Answer>;
  readonly #streamName: string;
  readonly #open = new Map<string, Reading>();
  readonly #ended = new Set<string>();

  constructor(call: (operation: string, input: object) => Promise<Answer>, streamName: string) {
    this.#call = call;
    this.#streamName = streamName;
  }

  async start(): Promise<void> {
    const { Shards } = await this.#call("ListShards", {
      StreamName: this.#streamName,
      ShardFilter: { Type: "AT_TRIM_HORIZON" },
    });
    for (const { ShardId } of Shards as { ShardId: string }[]) await this.#begin(ShardId);
  }

  /** Reads once from each shard that has not ended. @returns whether nothing was left to read. */
  async readOnce(): Promise<boolean> {
    for (const [shardId, reading] of this.#open) {
      const answer = await this.#call("GetRecords", { ShardIterator: reading.iterator, Limit: 5 });
      for (const { PartitionKey, Data } of answer["Records"] as { PartitionKey: string; Data: Buffer }[]) {
        const known = this.values.get(PartitionKey);
        if (known === undefined) this.values.set(PartitionKey, [Number(Data)]);
        else known.push(Number(Data));
      }
      reading.iterator = answer["NextShardIterator"];
      reading.isCaughtUp = answer["MillisBehindLatest"] === 0 && (answer["Records"] as unknown[]).length < 5;
      if (reading.iterator === undefined) await this.#end(shardId, answer["ChildShards"] as ChildShard[]);
    }
    return [...this.#open.values()].every(({ isCaughtUp }) => isCaughtUp);
  }

  async #begin(ShardId: string): Promise<void> {
    const { ShardIterator } = await this.#call("GetShardIterator", {
      StreamName: this.#streamName,
      ShardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    this.#open.set(ShardId, { iterator: ShardIterator, isCaughtUp: false });
  }

  async #end(shardId: string, children: readonly ChildShard[]): Promise<void> {
    this.#open.delete(shardId);
    this.#ended.add(shardId);
    for (const { ShardId, ParentShards } of children) {
      if (ParentShards.every((parent) => this.#ended.has(parent))) await this.#begin(ShardId);
    }
  }
}
