import { parseSequenceNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import type { StreamService } from "../streams/stream-service.js";
import type { StreamState } from "../streams/stream-state.js";
import type { LeaseState } from "./lease-state.js";
import type { Table } from "./table.js";
import type { Item } from "./values/attribute-value.js";

/** How far an application is behind a stream, over the shards that it has leases for. */
export interface ConsumerLag {
  /** The lease table's name, which is the application's. */
  readonly application: string;
  readonly stream: string;
  readonly records: number;
  /** Since the oldest record that is to be processed arrived; of the shards looked at. */
  readonly milliseconds: number;
}

/** The oldest record of a shard is read from the log: at most so many of them, those of the shards furthest behind. */
const OLDEST_READ_MAX = 256;

/** A shard where an application stands before its end. */
interface Behind {
  readonly application: string;
  readonly stream: string;
  readonly shard: ShardOwner;
  readonly position: number;
  readonly records: number;
}

/** Works out how far the applications that keep their leases here are behind. */
export async function consumerLag(leases: LeaseState, service: StreamService, nowMs: number): Promise<ConsumerLag[]> {
  const tables = leases.tables.filter(
    ({ definition: { keys } }) => keys.hash === "leaseKey" && keys.range === undefined,
  );
  if (tables.length === 0) return [];
  const shards = new KnownShards(service);
  const all: Behind[] = [];
  for (const table of tables) for await (const behind of standings(table, shards)) all.push(behind);
  const lags = new Map<string, ConsumerLag>();
  const note = ({ application, stream, records }: Behind, milliseconds: number): void => {
    const key = `${application}/${stream}`;
    const known = lags.get(key) ?? { application, stream, records: 0, milliseconds: 0 };
    const oldestMs = Math.max(known.milliseconds, milliseconds);
    lags.set(key, { ...known, records: known.records + records, milliseconds: oldestMs });
  };
  const furthest = all.filter(({ records }) => records > 0).toSorted((a, b) => b.records - a.records);
  const ages = new Map<Behind, number>();
  for (const behind of furthest.slice(0, OLDEST_READ_MAX)) ages.set(behind, await ageOf(behind, nowMs));
  for (const behind of all) note(behind, ages.get(behind) ?? 0);
  return [...lags.values()];
}

/** Where the table's application stands in each shard that can be told. */
async function* standings(table: Table, shards: KnownShards): AsyncIterable<Behind> {
  const application = table.definition.name;
  const leased = new Map<StreamState, Set<ShardOwner>>();
  const unnamed: Item[] = [];
  const standing = (found: FoundShard, item: Item): Promise<Behind[]> => {
    const ofStream = leased.get(found.stream) ?? new Set();
    leased.set(found.stream, ofStream.add(found.shard));
    return behindOf(application, found, () => startOf(item, found.shard));
  };
  const leases = [...table.entries()].map(([, item]) => item).filter((item) => text(item, "checkpoint") !== undefined);
  for (const item of leases) {
    const found = shards.ofLease(item);
    if (found === undefined) unnamed.push(item);
    else yield* await standing(found, item);
  }
  // Leases do not name their stream where an application reads but one; the others' checkpoints do.
  const [only, ...others] = leased.keys();
  for (const item of unnamed) {
    if (only === undefined || others.length > 0) break;
    const found = shards.named(only.name, text(item, "leaseKey"));
    if (found !== undefined) yield* await standing(found, item);
  }
  for (const [stream, ofStream] of leased) {
    for (const shard of heirsOf(ofStream, stream)) {
      yield* await behindOf(application, { stream, shard }, () => Promise.resolve(0));
    }
  }
}

/** Shards that came of leased ones and have no lease yet: nobody has begun with them, perhaps since nobody lives. */
function heirsOf(leased: ReadonlySet<ShardOwner>, stream: StreamState): ShardOwner[] {
  const known = new Set([...leased].map(({ shardNumber }) => shardNumber));
  // Parents have lower numbers.
  return stream.shards.filter(({ shardNumber, parents }) => {
    if (known.has(shardNumber) || !parents.some((parent) => known.has(parent))) return false;
    known.add(shardNumber);
    return true;
  });
}

interface FoundShard {
  readonly stream: StreamState;
  readonly shard: ShardOwner;
}

/** Nothing where the shard goes just now, or cannot be read: the other metrics are wanted all the same. */
async function behindOf(
  application: string,
  { stream, shard }: FoundShard,
  start: () => Promise<number | undefined>,
): Promise<Behind[]> {
  try {
    const { first, next } = shard.bounds();
    const position = Math.max(first, (await start()) ?? next);
    return [{ application, stream: stream.name, shard, position, records: Math.max(0, next - position) }];
  } catch (error) {
    if (error instanceof CloudError) return [];
    throw error;
  }
}

/** The first position that is not processed; undefined where the shard is done with, or nobody can tell. */
async function startOf(item: Item, shard: ShardOwner): Promise<number | undefined> {
  const checkpoint = text(item, "checkpoint") ?? "";
  if (checkpoint === "TRIM_HORIZON") return 0;
  const startingMs = item.get("startingTimestampMs"); // our own consumers', which begin at a time
  if (checkpoint === "AT_TIMESTAMP" && startingMs?.type === "N") return shard.positionAtTime(Number(startingMs.value));
  const number = parseSequenceNumber(checkpoint);
  return number && number.position + 1;
}

async function ageOf({ shard, position }: Behind, nowMs: number): Promise<number> {
  try {
    const { frames } = await shard.read(position, { frames: 1, bytes: 1 });
    const [oldest] = frames;
    return oldest === undefined ? 0 : Math.max(0, nowMs - oldest.arrivalMs);
  } catch (error) {
    if (error instanceof CloudError) return 0; // gone meanwhile, or not to be read
    throw error;
  }
}

/** Finds shards by what leases say of them. */
class KnownShards {
  readonly #service: StreamService;
  readonly #byEpoch = new Map<number, FoundShard>();
  /** By stream, then by id; made of the streams that are asked for. */
  readonly #byName = new Map<string, ReadonlyMap<string, FoundShard>>();

  constructor(service: StreamService) {
    this.#service = service;
    for (const { name } of service.listStreams()) {
      const stream = service.lookUp(name);
      if (stream?.isServing !== true) continue;
      for (const shard of stream.shards) this.#byEpoch.set(shard.epoch, { stream, shard });
    }
  }

  ofLease(item: Item): FoundShard | undefined {
    // `account:stream:creation`, where an application reads many streams.
    const name = text(item, "streamName")?.split(":")[1];
    if (name === undefined) {
      const epoch = parseSequenceNumber(text(item, "checkpoint") ?? "")?.shardEpoch;
      return epoch === undefined ? undefined : this.#byEpoch.get(epoch);
    }
    return this.named(name, text(item, "shardId"));
  }

  named(streamName: string, shardId: string | undefined): FoundShard | undefined {
    let shards = this.#byName.get(streamName);
    if (shards === undefined) this.#byName.set(streamName, (shards = this.#shardsOf(streamName)));
    return shardId === undefined ? undefined : shards.get(shardId);
  }

  #shardsOf(streamName: string): ReadonlyMap<string, FoundShard> {
    const stream = this.#service.lookUp(streamName);
    if (stream?.isServing !== true) return new Map();
    return new Map(stream.shards.map((shard) => [shard.shardId, { stream, shard }]));
  }
}

function text(item: Item, name: string): string | undefined {
  const value = item.get(name);
  return value?.type === "S" ? value.value : undefined;
}
