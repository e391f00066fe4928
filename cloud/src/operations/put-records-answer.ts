import type { BulkAnswer, Output } from "../codec/wire-codec.js";
import { wireError } from "../http/wire-errors.js";
import type { RequestMemory } from "../request-memory.js";
import type { PutResults } from "../streams/put-results.js";
import type { ShardOwner } from "../streams/shard-owner.js";

const BEFORE_NUMBER = '{"SequenceNumber":"';
/** Where the last digit of a position stands in a stored record's entry: behind `49` and ten digits of the epoch, twenty. */
const LAST_DIGIT = BEFORE_NUMBER.length + 31;
const ZERO = 0x30;

/** A stored record's entry at position 0, of each shard that was put to. */
const entries = new WeakMap<ShardOwner, Buffer>();

/** What PutRecords answers. Its text is written as bytes: of a stored record only the position's digits change. */
export class PutRecordsAnswer implements BulkAnswer {
  readonly #results: PutResults;
  readonly #failed: number;
  /** The members behind the records. */
  readonly #rest: Readonly<Record<string, string>>;

  constructor(results: PutResults, failed: number, rest: Readonly<Record<string, string>>) {
    this.#results = results;
    this.#failed = failed;
    this.#rest = rest;
  }

  toValues(): Output {
    const Records = Array.from({ length: this.#results.count }, (_, i) => this.#refused(i) ?? this.#stored(i));
    return { FailedRecordCount: this.#failed, Records, ...this.#rest };
  }

  toJson(memory?: RequestMemory): readonly Buffer[] {
    const results = this.#results;
    const shardEntries = results.shards.map(entryAt0);
    const texts = new Map<unknown, Buffer>();
    const textOf = (i: number): Buffer => {
      const outcome = results.outcome(i);
      let text = texts.get(outcome);
      if (text === undefined) {
        text = Buffer.from(JSON.stringify(this.#refused(i) ?? this.#stored(i)));
        texts.set(outcome, text);
      }
      return text;
    };
    const start = Buffer.from(`{"FailedRecordCount":${this.#failed},"Records":[`);
    const rest = Buffer.from(`,${JSON.stringify(this.#rest).slice(1)}`.replace(",}", "}"));
    let bytes = start.length + 1 + rest.length;
    for (let i = 0; i < results.count; i++) {
      const entry = typeof results.outcome(i) === "number" ? shardEntries[results.shardAt(i)]! : textOf(i);
      bytes += entry.length + 1;
    }
    const json = memory?.take(bytes) ?? Buffer.allocUnsafe(bytes);
    json.set(start);
    let at = start.length;
    for (let i = 0; i < results.count; i++) {
      const outcome = results.outcome(i);
      const entry = typeof outcome === "number" ? shardEntries[results.shardAt(i)]! : textOf(i);
      json.set(entry, at);
      if (typeof outcome === "number") writeDigits(json, at + LAST_DIGIT, outcome);
      at += entry.length;
      json[at++] = COMMA;
    }
    json[at - 1] = CLOSE_LIST;
    json.set(rest, at);
    return [json.subarray(0, at + rest.length)];
  }

  #stored(i: number): { SequenceNumber: string; ShardId: string } {
    return { SequenceNumber: this.#results.sequenceNumber(i), ShardId: this.#results.shardId(i) };
  }

  #refused(i: number): { ErrorCode: string; ErrorMessage: string } | undefined {
    const failure = this.#results.failure(i);
    if (failure === undefined) return undefined;
    const { type, message } = wireError(failure);
    return { ErrorCode: type, ErrorMessage: message };
  }
}

const COMMA = 0x2c;
const CLOSE_LIST = 0x5d;

function entryAt0(shard: ShardOwner): Buffer {
  let entry = entries.get(shard);
  if (entry === undefined) {
    // Neither a sequence number nor a shard's id has anything to escape.
    entry = Buffer.from(`${BEFORE_NUMBER}${shard.sequenceNumber(0)}","ShardId":"${shard.shardId}"}`);
    entries.set(shard, entry);
  }
  return entry;
}

/** Writes a number over zeros, its last digit where that belongs. */
function writeDigits(json: Buffer, lastAt: number, number: number): void {
  let at = lastAt;
  for (let left = number; left > 0; at--) {
    const tens = Math.floor(left / 10);
    json[at] = ZERO + (left - tens * 10);
    left = tens;
  }
}
