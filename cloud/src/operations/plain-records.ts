import { kinesisLimits } from "@headwater/protocol";
import { PlainJson } from "../codec/plain-json.js";
import { Reading, structure } from "../codec/shape.js";
import type { RequestMemory } from "../request-memory.js";
import { RecordBatch } from "../streams/record-batch.js";
import { HASH_KEY_DIGITS_MAX, isHashKey } from "./record-input.js";
import { streamReference } from "./members.js";
import type { StreamReference } from "./stream-reference.js";

const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const EQUALS = 0x3d;

/** Records and the stream that they are for, of either operation that takes some. */
export interface RecordsInput extends StreamReference {
  readonly records: RecordBatch;
}

/**
 * Reads PutRecords' input straight from the body's bytes, without a value for each record. Answers undefined for
 * whatever is not plainly right: escapes, other members, members twice, nulls, anything over a limit. Then the whole is read as any
 * other input, which alone decides what it means or what is wrong with it.
 */
export function readPlainRecords(body: Buffer, memory: RequestMemory): RecordsInput | undefined {
  return new PlainRecords(body, memory).list();
}

/** The same for PutRecord's. */
export function readPlainRecord(body: Buffer, memory: RequestMemory): RecordsInput | undefined {
  return new PlainRecords(body, memory).single();
}

const reference = structure({ required: {}, optional: streamReference });

/** A member's place in the body. */
interface Span {
  from: number;
  to: number;
}

class PlainRecords {
  readonly #json: PlainJson;
  readonly #records: RecordBatch;
  readonly #reference: { StreamName?: string; StreamARN?: string } = {};
  /** Of the record being read. */
  readonly #key: Span = { from: 0, to: 0 };
  readonly #data = { from: 0, to: 0, bytes: 0 };
  #hasKey = false;
  #hasData = false;
  #explicitHashKey: bigint | undefined;
  #bytes = 0;

  constructor(body: Buffer, memory: RequestMemory) {
    this.#json = new PlainJson(body);
    // A record as it is stored is shorter than as it stands in the body.
    this.#records = new RecordBatch(memory.take(body.length));
  }

  list(): RecordsInput | undefined {
    let hasRecords = false;
    const isRead = this.#members(() => {
      if (!this.#json.is("Records")) return this.#referenceMember();
      if (hasRecords) return false;
      hasRecords = true;
      return this.#json.take(COLON) && this.#list();
    });
    return isRead && hasRecords ? this.#input() : undefined;
  }

  single(): RecordsInput | undefined {
    const isRead = this.#members(() => this.#recordMember() ?? this.#referenceMember());
    return isRead && this.#add() ? this.#input() : undefined;
  }

  #input(): RecordsInput | undefined {
    if (!this.#json.isAtEnd() || this.#bytes > kinesisLimits.putRecordsBytesMax) return undefined;
    const reading = new Reading("json");
    reference.read(this.#reference, reading);
    if (!reading.isClean) return undefined;
    return { ...this.#reference, records: this.#records };
  }

  #list(): boolean {
    const json = this.#json;
    if (!json.take(OPEN_LIST)) return false;
    do {
      if (this.#records.count >= kinesisLimits.putRecordsEntriesMax) return false;
      if (!this.#members(() => this.#recordMember() ?? false) || !this.#add()) return false;
    } while (json.take(COMMA));
    return json.take(CLOSE_LIST);
  }

  /** Reads an object of at least one member; `member` reads what follows a name, colon included. */
  #members(member: () => boolean): boolean {
    const json = this.#json;
    if (!json.take(OPEN_OBJECT)) return false;
    do {
      if (!json.string() || !member()) return false;
    } while (json.take(COMMA));
    return json.take(CLOSE_OBJECT);
  }

  #referenceMember(): boolean {
    const json = this.#json;
    const name = json.is("StreamName") ? "StreamName" : json.is("StreamARN") ? "StreamARN" : undefined;
    if (name === undefined || this.#reference[name] !== undefined) return false;
    if (!json.take(COLON) || !json.string()) return false;
    this.#reference[name] = json.text();
    return true;
  }

  /** Undefined for a name that is no record's. */
  #recordMember(): boolean | undefined {
    const json = this.#json;
    if (json.is("Data")) return this.#dataMember();
    if (json.is("PartitionKey")) return this.#keyMember();
    if (json.is("ExplicitHashKey")) return this.#hashKeyMember();
    return undefined;
  }

  #dataMember(): boolean {
    const json = this.#json;
    if (this.#hasData || !json.take(COLON) || !json.unseenString()) return false;
    const { bytes, from, to } = json;
    if ((to - from) % 4 !== 0) return false;
    const padding = from === to || bytes[to - 1] !== EQUALS ? 0 : bytes[to - 2] === EQUALS ? 2 : 1;
    this.#data.from = from;
    this.#data.to = to;
    this.#data.bytes = ((to - from) / 4) * 3 - padding;
    this.#hasData = true;
    return true;
  }

  #keyMember(): boolean {
    const json = this.#json;
    if (this.#hasKey || !json.take(COLON) || !json.string()) return false;
    this.#key.from = json.from;
    this.#key.to = json.to;
    this.#hasKey = true;
    const characters = json.to - json.from;
    return characters >= 1 && characters <= kinesisLimits.partitionKeyCharactersMax;
  }

  #hashKeyMember(): boolean {
    const json = this.#json;
    if (this.#explicitHashKey !== undefined || !json.take(COLON) || !json.string()) return false;
    const text = json.text();
    if (text.length > HASH_KEY_DIGITS_MAX || !/^(0|[1-9]\d*)$/.test(text)) return false;
    this.#explicitHashKey = BigInt(text);
    return isHashKey(this.#explicitHashKey);
  }

  /** Ends the record being read. */
  #add(): boolean {
    if (!this.#hasKey || !this.#hasData) return false;
    const bytes = this.#data.bytes + this.#key.to - this.#key.from;
    if (bytes > kinesisLimits.raisedRecordBytesMax) return false;
    this.#bytes += bytes;
    const isAdded = this.#records.addEncoded(this.#json.bytes, this.#key, this.#data, this.#explicitHashKey);
    this.#hasKey = false;
    this.#hasData = false;
    this.#explicitHashKey = undefined;
    return isAdded;
  }
}
