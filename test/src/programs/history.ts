import { createHash } from "node:crypto";

/** What one test record is called. Its bytes follow from its name, so a reader can tell an invented or altered one. */
export interface RecordId {
  readonly producer: string;
  readonly key: string;
  /** Rises by one for each attempt on this key. */
  readonly counter: number;
}

/**
 * How a producer's records reach the cloud: `exactly-once` through the device's spool and the gateway's;
 * `at-least-once` from clients that retry by themselves, as plain MQTT clients and foreign SDKs do.
 */
export type Delivery = "exactly-once" | "at-least-once";

/** What one producer knows: everything it tried, and what was acknowledged to it. */
export interface ProducerHistory {
  readonly producer: string;
  readonly delivery: Delivery;
  readonly attempted: readonly RecordId[];
  readonly acknowledged: readonly RecordId[];
}

/** One record as a consumer got it, in the order of its shard. */
export interface ReadRecord {
  readonly shard: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

const FILLER_BYTES_MAX = 600;

/** The bytes of a record: its name, then filler that its name determines. */
export function payloadOf({ producer, key, counter }: RecordId): Buffer {
  const name = `${producer} ${key} ${counter}\n`;
  const digest = createHash("sha256").update(name).digest();
  const fillerBytes = digest.readUInt16LE(0) % FILLER_BYTES_MAX;
  return Buffer.concat([Buffer.from(name), Buffer.alloc(fillerBytes, digest)]);
}

/** Reads the name out of a record's bytes, or answers undefined where they are not those of {@link payloadOf}. */
export function idOf(data: Uint8Array): RecordId | undefined {
  const bytes = Buffer.from(data);
  const [producer, key, digits, ...rest] = bytes.toString("latin1", 0, Math.max(0, bytes.indexOf("\n"))).split(" ");
  if (producer === undefined || key === undefined || digits === undefined || rest.length > 0) return undefined;
  const id = { producer, key, counter: Number(digits) };
  return payloadOf(id).equals(bytes) ? id : undefined;
}

export function textOf({ producer, key, counter }: RecordId): string {
  return `${producer} ${key} ${counter}`;
}
