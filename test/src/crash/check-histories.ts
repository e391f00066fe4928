import { idOf, type ProducerHistory, type ReadRecord, type RecordId, textOf } from "../programs/history.js";

/** One way in which what was read does not follow from what was sent. */
export interface Violation {
  readonly kind: "lost" | "doubled" | "reordered" | "invented" | "misplaced" | "sequence";
  readonly detail: string;
}

/**
 * Compares everything that producers did with everything that a consumer read:
 * - lost: acknowledged, but not read;
 * - doubled: read twice, on an exactly-once path;
 * - reordered: per key, the first occurrences do not rise;
 * - invented: read, but attempted by nobody, or its bytes were altered;
 * - misplaced: read under another partition key than sent, or from two shards;
 * - sequence: a shard's sequence numbers do not rise.
 */
export function checkHistories(producers: readonly ProducerHistory[], read: readonly ReadRecord[]): Violation[] {
  const violations: Violation[] = [];
  const attempted = new Map<string, ProducerHistory>();
  for (const producer of producers) for (const id of producer.attempted) attempted.set(textOf(id), producer);

  const timesRead = new Map<string, number>();
  const lastOfKey = new Map<string, { counter: number; shard: string }>();
  const lastOfShard = new Map<string, string>();
  for (const record of read) {
    const previous = lastOfShard.get(record.shard);
    if (previous !== undefined && record.sequenceNumber <= previous) {
      violations.push({ kind: "sequence", detail: `${record.shard}: ${record.sequenceNumber} after ${previous}` });
    }
    lastOfShard.set(record.shard, record.sequenceNumber);

    const id = idOf(record.data);
    const producer = id === undefined ? undefined : attempted.get(textOf(id));
    if (id === undefined || producer === undefined) {
      violations.push({ kind: "invented", detail: `${where(record)}: ${describeBytes(record.data)}` });
      continue;
    }
    if (record.partitionKey !== id.key) {
      violations.push({ kind: "misplaced", detail: `${where(record)}: ${textOf(id)} under ${record.partitionKey}` });
    }
    const times = (timesRead.get(textOf(id)) ?? 0) + 1;
    timesRead.set(textOf(id), times);
    if (times > 1) {
      if (producer.delivery === "exactly-once")
        violations.push({ kind: "doubled", detail: `${where(record)}: ${textOf(id)}` });
      continue;
    }
    const lane = `${id.producer} ${id.key}`;
    const last = lastOfKey.get(lane);
    if (last !== undefined && id.counter < last.counter) {
      violations.push({ kind: "reordered", detail: `${where(record)}: ${textOf(id)} after ${last.counter}` });
    }
    if (last !== undefined && last.shard !== record.shard) {
      violations.push({ kind: "misplaced", detail: `${where(record)}: ${textOf(id)}, earlier ones in ${last.shard}` });
    }
    lastOfKey.set(lane, { counter: Math.max(id.counter, last?.counter ?? 0), shard: record.shard });
  }
  for (const id of missing(producers, timesRead)) violations.push({ kind: "lost", detail: textOf(id) });
  return violations;
}

/** What was acknowledged and has not been read. */
export function lostRecords(producers: readonly ProducerHistory[], read: readonly ReadRecord[]): RecordId[] {
  const found = new Map<string, number>();
  for (const { data } of read) {
    const id = idOf(data);
    if (id !== undefined) found.set(textOf(id), 1);
  }
  return missing(producers, found);
}

function missing(producers: readonly ProducerHistory[], read: ReadonlyMap<string, number>): RecordId[] {
  return producers.flatMap(({ acknowledged }) => acknowledged.filter((id) => !read.has(textOf(id))));
}

function where({ shard, sequenceNumber }: ReadRecord): string {
  return `${shard} ${sequenceNumber}`;
}

function describeBytes(data: Uint8Array): string {
  return `${data.length} bytes beginning ${JSON.stringify(Buffer.from(data.subarray(0, 60)).toString("latin1"))}`;
}
