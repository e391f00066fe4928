import type { Clock, Log } from "@headwater/log";
import type { StoredStream } from "../catalog/catalog.js";
import { CloudError } from "../cloud-error.js";
import { HashRouter } from "./hash-router.js";
import { ShardOwner } from "./shard-owner.js";
import { formatShardId, parseShardId } from "./shard-id.js";
import type { ShardDescription, StreamDescription, StreamSettings, StreamStatus } from "./stream.js";

const HOUR_MS = 60 * 60 * 1000;

/** What streams have in common. */
export interface StreamSurroundings {
  readonly log: Log;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  /** Whether to keep to AWS's limits per shard. */
  readonly limited: boolean;
  readonly report: (message: string, detail: Readonly<Record<string, unknown>>) => void;
}

/** One stream while the cloud runs: what the catalog says of it, and the owners of its shards. */
export class StreamState {
  readonly id: string;
  readonly name: string;
  /** Set by the stream service only, after the catalog. */
  status: StreamStatus;
  readonly shards: readonly ShardOwner[];
  readonly router: HashRouter<ShardOwner>;
  /** What users may change; set by the stream service only, after the catalog. */
  settings: StreamSettings;
  readonly #stored: StoredStream;
  readonly #surroundings: StreamSurroundings;

  constructor(stored: StoredStream, surroundings: StreamSurroundings) {
    const { log, clock, limited, report } = surroundings;
    this.id = stored.id;
    this.name = stored.name;
    this.status = stored.status;
    this.settings = stored.settings;
    this.#stored = stored;
    this.#surroundings = surroundings;
    this.shards = stored.shards.map((shard) => {
      const place = `shard ${formatShardId(shard.number)} ${this.#where()}`;
      const onSaveFailed = (error: unknown): void => report("could not store the producers' sets", { place, error });
      return new ShardOwner({ log, clock, shard, place, limited, onSaveFailed });
    });
    this.router = new HashRouter(this.shards);
  }

  describe(): StreamDescription {
    const { name, createdMs } = this.#stored;
    const { region, accountId } = this.#surroundings;
    const arn = `arn:aws:kinesis:${region}:${accountId}:stream/${name}`;
    return { name, arn, status: this.status, createdMs, ...this.settings, shardCount: this.shards.length };
  }

  describeShards(): ShardDescription[] {
    return this.shards.map((owner) => ({
      shardId: owner.shardId,
      startingHashKey: owner.startingHashKey,
      endingHashKey: owner.endingHashKey,
      startingSequenceNumber: owner.sequenceNumber(0),
    }));
  }

  /** The names of the shards in the log. */
  get logNames(): string[] {
    return this.#stored.shards.map(({ logName }) => logName);
  }

  /** Records that arrived before this moment are expired, whether or not their bytes are gone. */
  horizonMs(): number {
    return this.#surroundings.clock.now() - this.settings.retentionHours * HOUR_MS;
  }

  /**
   * @param shardId as AWS, any text that ends in the shard's number.
   * @throws {CloudError} `shard-not-found`.
   */
  shard(shardId: string): ShardOwner {
    const number = parseShardId(shardId);
    if (number === undefined)
      throw new CloudError("shard-not-found", `Could not find shard ${shardId} ${this.#where()}.`);
    const owner = this.shards[number];
    if (owner !== undefined) return owner;
    throw new CloudError("shard-not-found", `Shard ${formatShardId(number)} ${this.#where()} does not exist`);
  }

  #where(): string {
    return `in stream ${this.name} under account ${this.#surroundings.accountId}`;
  }
}
