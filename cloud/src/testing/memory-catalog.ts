import type {
  Catalog,
  NewShard,
  NewStream,
  ReshardChange,
  StoredConsumer,
  StoredShard,
  StoredStream,
} from "../catalog/catalog.js";
import type { StoredVideoStream, VideoCatalog } from "../catalog/video-catalog.js";
import type { StreamSettings, StreamStatus } from "../streams/stream.js";

/** A catalog in memory that can stop working at a given change, as a power cut would. */
export class MemoryCatalog implements Catalog {
  readonly stored = new Map<string, StoredStream>();
  readonly video = new MemoryVideoCatalog();
  failAt:
    | "setStatus"
    | "setSettings"
    | "setShardCountUpdates"
    | "removeStream"
    | "addShards"
    | "reshard"
    | "removeShards"
    | undefined;
  readonly #consumers = new Map<string, StoredConsumer>();
  readonly #account = new Map<string, string>();
  #epoch = 0;

  streams(): Promise<StoredStream[]> {
    return Promise.resolve([...this.stored.values()]);
  }

  async stream(id: string): Promise<StoredStream | undefined> {
    return this.stored.get(id);
  }

  addStream({ hashKeyRanges, ...stream }: NewStream): Promise<StoredStream> {
    const shards = hashKeyRanges.map((range, number) => ({
      ...this.#newShard(stream.id, number, { ...range, parents: [] }),
      openedMs: stream.createdMs,
    }));
    const stored = { ...stream, shards, nextShardNumber: shards.length, shardCountUpdatesMs: [] };
    this.stored.set(stream.id, stored);
    return Promise.resolve(stored);
  }

  async setStatus(id: string, status: StreamStatus): Promise<void> {
    this.#mayFail("setStatus");
    this.#update(id, { status });
  }

  async setSettings(id: string, settings: StreamSettings): Promise<void> {
    this.#mayFail("setSettings");
    this.#update(id, { settings });
  }

  async setShardCountUpdates(id: string, shardCountUpdatesMs: readonly number[]): Promise<void> {
    this.#mayFail("setShardCountUpdates");
    this.#update(id, { shardCountUpdatesMs });
  }

  async addShards(id: string, shards: readonly NewShard[]): Promise<StoredShard[]> {
    this.#mayFail("addShards");
    const { nextShardNumber: first = 0, shards: known = [] } = this.stored.get(id) ?? {};
    const added = shards.map((shard, i) => this.#newShard(id, first + i, shard));
    this.#update(id, { shards: [...known, ...added], nextShardNumber: first + added.length });
    return added;
  }

  async reshard(id: string, { closed, opened, openedMs }: ReshardChange): Promise<void> {
    this.#mayFail("reshard");
    const ends = new Map(closed.map(({ number, ...end }) => [number, end]));
    const shards = (this.stored.get(id)?.shards ?? []).map((shard) => ({
      ...shard,
      closed: ends.get(shard.number) ?? shard.closed,
      openedMs: opened.includes(shard.number) ? openedMs : shard.openedMs,
    }));
    this.#update(id, { shards });
  }

  async removeShards(id: string, numbers: readonly number[]): Promise<void> {
    this.#mayFail("removeShards");
    const shards = this.stored.get(id)?.shards ?? [];
    this.#update(id, { shards: shards.filter(({ number }) => !numbers.includes(number)) });
  }

  async consumers(): Promise<StoredConsumer[]> {
    return [...this.#consumers.values()];
  }

  async addConsumer(consumer: StoredConsumer): Promise<void> {
    this.#consumers.set(consumer.id, consumer);
  }

  async setConsumer(consumer: StoredConsumer): Promise<void> {
    this.#consumers.set(consumer.id, consumer);
  }

  async removeConsumer(id: string): Promise<void> {
    this.#consumers.delete(id);
  }

  async accountSettings(): Promise<Readonly<Record<string, string>>> {
    return Object.fromEntries(this.#account);
  }

  async setAccountSetting(name: string, value: string): Promise<void> {
    this.#account.set(name, value);
  }

  async removeStream(id: string): Promise<void> {
    this.#mayFail("removeStream");
    this.stored.delete(id);
    for (const consumer of this.#consumers.values()) {
      if (consumer.streamId === id) this.#consumers.delete(consumer.id);
    }
  }

  tokenKey(): Promise<Buffer> {
    return Promise.resolve(Buffer.alloc(32));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #newShard(streamId: string, number: number, shard: NewShard): StoredShard {
    this.#epoch += 1;
    const logName = `${streamId}/${number}`;
    return { ...shard, number, epoch: this.#epoch, logName, openedMs: undefined, closed: undefined };
  }

  #update(id: string, change: Partial<StoredStream>): void {
    const stream = this.stored.get(id);
    if (stream !== undefined) this.stored.set(id, { ...stream, ...change });
  }

  #mayFail(step: MemoryCatalog["failAt"]): void {
    if (this.failAt === step) throw new Error("power cut");
  }
}

class MemoryVideoCatalog implements VideoCatalog {
  readonly #streams = new Map<string, StoredVideoStream>();

  streams(): Promise<StoredVideoStream[]> {
    return Promise.resolve([...this.#streams.values()]);
  }

  put(stream: StoredVideoStream): Promise<void> {
    this.#streams.set(stream.id, stream);
    return Promise.resolve();
  }

  remove(id: string): Promise<void> {
    this.#streams.delete(id);
    return Promise.resolve();
  }
}
