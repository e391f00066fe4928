import { setImmediate } from "node:timers/promises";
import type { Clock, Log } from "@headwater/log";
import type { ReshardChange, StoredShard, StoredStream } from "../catalog/catalog.js";
import { CloudError } from "../cloud-error.js";
import { HashRouter } from "./hash-router.js";
import type { RecentRecords } from "./recent-records.js";
import { ShardOwner } from "./shard-owner.js";
import { formatShardId, parseShardId } from "./shard-id.js";
import type { ShardDescription, StreamDescription, StreamSettings, StreamStatus } from "./stream.js";

const HOUR_MS = 60 * 60 * 1000;
/** More would hold up everything else. */
const PREPARED_AT_ONCE = 500;

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

/** Shards that a reshard makes, by number, and which of them take over whose keys. */
export interface PreparedShards {
  readonly owners: ReadonlyMap<number, ShardOwner>;
  readonly children: ReadonlyMap<number, readonly ShardOwner[]>;
}

/** One stream while the cloud runs: what the catalog says of it, and the owners of its shards. */
export class StreamState {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  /** Set by the stream service only, after the catalog. */
  status: StreamStatus;
  /** What users may change; set by the stream service only, after the catalog. */
  settings: StreamSettings;
  /** Of the next shard; see reshard.ts. */
  nextShardNumber: number;
  /** When UpdateShardCount was called, in ms since 1970; set by the stream service only, after the catalog. */
  shardCountUpdatesMs: readonly number[];
  /** By number, rising. */
  readonly #owners = new Map<number, ShardOwner>();
  readonly #surroundings: StreamSurroundings;
  readonly #recent: RecentRecords;
  /** Forgotten, and to be removed from the log and the catalog. */
  readonly #leaving = new Set<ShardOwner>();
  #shards: readonly ShardOwner[] = [];
  #open: readonly ShardOwner[] = [];
  /** By their parents' numbers, also of parents that are gone. All of a shard's children are made by the reshard that closes it. */
  readonly #children = new Map<number, readonly ShardOwner[]>();
  #router: HashRouter<ShardOwner>;

  private constructor(stored: StoredStream, surroundings: StreamSurroundings, recent: RecentRecords) {
    this.id = stored.id;
    this.name = stored.name;
    this.createdMs = stored.createdMs;
    this.status = stored.status;
    this.settings = stored.settings;
    this.nextShardNumber = stored.nextShardNumber;
    this.shardCountUpdatesMs = stored.shardCountUpdatesMs;
    this.#surroundings = surroundings;
    this.#recent = recent;
    this.#router = this.#arrange();
  }

  /**
   * Makes the owners of a stream's shards, some at a time.
   * @param recent shared by the shards of all streams.
   */
  static async of(stored: StoredStream, surroundings: StreamSurroundings, recent: RecentRecords): Promise<StreamState> {
    const stream = new StreamState(stored, surroundings, recent);
    stream.#add(await stream.prepare(stored.shards));
    stream.#router = stream.#arrange();
    return stream;
  }

  /** Where keys lead: to the open shards. */
  get router(): HashRouter<ShardOwner> {
    return this.#router;
  }

  /** All shards that are there, closed ones too, by number. */
  get shards(): readonly ShardOwner[] {
    return this.#shards;
  }

  /** The shards that take records, by hash key. */
  get openShards(): readonly ShardOwner[] {
    return this.#open;
  }

  /** Whether it can be read, and takes records; a reshard stops neither. */
  get isServing(): boolean {
    return this.status === "ACTIVE" || this.status === "UPDATING";
  }

  describe(): StreamDescription {
    const { id, name, createdMs, status, settings } = this;
    const { region, accountId } = this.#surroundings;
    const arn = `arn:aws:kinesis:${region}:${accountId}:stream/${name}`;
    return { id, name, arn, status, createdMs, ...settings, shardCount: this.#open.length };
  }

  describeShards(): ShardDescription[] {
    return this.unexpiredShards().map((owner) => owner.describe());
  }

  /** The shards that can be read, closed ones too, by number. */
  unexpiredShards(): ShardOwner[] {
    const horizonMs = this.horizonMs();
    return this.#shards.filter((owner) => !owner.isExpired(horizonMs));
  }

  /**
   * Closed shards that retention has passed, until they are {@link removed}; nothing of them can be read. None once the stream
   * goes.
   */
  expiredShards(): ShardOwner[] {
    if (!this.isServing) return [];
    const horizonMs = this.horizonMs();
    return [...this.#leaving, ...this.#shards.filter((owner) => owner.isExpired(horizonMs))];
  }

  /** The names of the shards in the log. */
  get logNames(): string[] {
    return [...this.#leaving, ...this.#shards].map(({ logName }) => logName);
  }

  /** Records that arrived before this moment are expired, whether or not their bytes are gone. */
  horizonMs(): number {
    const { retentionHours, expiredBeforeMs = 0 } = this.settings;
    return Math.max(this.#surroundings.clock.now() - retentionHours * HOUR_MS, expiredBeforeMs);
  }

  /**
   * @param shardId as AWS, any text that ends in the shard's number.
   * @throws {CloudError} `shard-not-found`; also for a closed shard that is past its retention.
   */
  shard(shardId: string): ShardOwner {
    const number = parseShardId(shardId);
    if (number === undefined) throw this.#noShard(shardId);
    const owner = this.#owners.get(number);
    if (owner !== undefined && !owner.isExpired(this.horizonMs())) return owner;
    throw new CloudError("shard-not-found", `Shard ${formatShardId(number)} ${this.#where()} does not exist`);
  }

  /** As {@link shard}, for what changes a shard: AWS says it in other words there. */
  shardToChange(shardId: string): ShardOwner {
    const number = parseShardId(shardId);
    const owner = number === undefined ? undefined : this.#owners.get(number);
    if (owner === undefined || owner.isExpired(this.horizonMs())) {
      throw this.#noShard(number === undefined ? shardId : formatShardId(number));
    }
    if (owner.closed === undefined) return owner;
    throw new CloudError(
      "argument-invalid",
      `Shard ${owner.shardId} ${this.#where()} has already been merged or split, and thus is not eligible for ` +
        "merging or splitting.",
    );
  }

  /** The shards that took over a closed shard's keys, by number; none where it is open. */
  childrenOf(shard: ShardOwner): readonly ShardOwner[] {
    return this.#children.get(shard.shardNumber) ?? [];
  }

  /** Makes the owners of shards that are added, some at a time; nobody sees them before the reshard ends that adds them. */
  async prepare(added: readonly StoredShard[]): Promise<PreparedShards> {
    const owners = new Map<number, ShardOwner>();
    const children = new Map<number, ShardOwner[]>();
    for (const [i, shard] of added.entries()) {
      if (i > 0 && i % PREPARED_AT_ONCE === 0) await setImmediate();
      const owner = this.#ownerOf(shard, owners);
      owners.set(shard.number, owner);
      for (const parent of shard.parents) {
        const siblings = children.get(parent);
        if (siblings === undefined) children.set(parent, [owner]);
        else siblings.push(owner);
      }
    }
    return { owners, children };
  }

  /** Takes over what the catalog says after a reshard: keys lead to the children, and parents end. */
  reshard(added: PreparedShards, { closed, openedMs }: ReshardChange): void {
    for (const owner of added.owners.values()) owner.open(openedMs);
    this.#add(added);
    // Readers that an end wakes find the children.
    this.#router = this.#arrange(new Set(closed.map(({ number }) => number)));
    for (const { number, end, closedMs } of closed) this.#owners.get(number)?.end({ end, closedMs });
  }

  /** Forgets closed shards, which are to be removed. */
  forget(shards: readonly ShardOwner[]): void {
    for (const shard of shards) {
      this.#owners.delete(shard.shardNumber);
      this.#leaving.add(shard);
    }
    for (const { parents } of shards) for (const parent of parents) this.#forgetChildrenOf(parent);
    this.#router = this.#arrange();
  }

  /** Notes that nothing is left of shards that were forgotten. */
  removed(shards: readonly ShardOwner[]): void {
    for (const shard of shards) this.#leaving.delete(shard);
  }

  #forgetChildrenOf(parent: number): void {
    const left = (this.#children.get(parent) ?? []).filter(({ shardNumber }) => this.#owners.has(shardNumber));
    if (left.length > 0) this.#children.set(parent, left);
    else this.#children.delete(parent);
  }

  #add({ owners, children }: PreparedShards): void {
    for (const [number, owner] of owners) this.#owners.set(number, owner);
    for (const [parent, taken] of children) this.#children.set(parent, taken);
  }

  /** @param ending shards that are about to be closed. */
  #arrange(ending: ReadonlySet<number> = new Set()): HashRouter<ShardOwner> {
    this.#shards = [...this.#owners.values()];
    this.#open = this.#shards
      .filter(({ closed, shardNumber }) => closed === undefined && !ending.has(shardNumber))
      .sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));
    return new HashRouter(this.#open);
  }

  /** @param made in the same reshard. */
  #ownerOf(shard: StoredShard, made: ReadonlyMap<number, ShardOwner>): ShardOwner {
    const { log, clock, limited, report } = this.#surroundings;
    const shardId = formatShardId(shard.number);
    const place = `shard ${shardId} ${this.#where()}`;
    const path = `${this.#surroundings.accountId}/${this.name}/${shardId}`;
    const onSaveFailed = (error: unknown): void => {
      // What goes needs no memory, and a stop does not wait for it.
      if (this.isServing) report("could not store the producers' sets", { place, error });
    };
    const parents = shard.parents.flatMap((number) => made.get(number) ?? this.#owners.get(number) ?? []);
    return new ShardOwner({ log, clock, shard, parents, place, path, limited, onSaveFailed, recent: this.#recent });
  }

  #noShard(shardId: string): CloudError {
    return new CloudError("shard-not-found", `Could not find shard ${shardId} ${this.#where()}.`);
  }

  #where(): string {
    return `in stream ${this.name} under account ${this.#surroundings.accountId}`;
  }
}
