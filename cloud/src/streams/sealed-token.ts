import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { CloudError } from "../cloud-error.js";

const MAC_BYTES = 16;

/**
 * Tokens that we hand out and get back: shard iterators and next tokens. Clients must not make their own, so each ends
 * in an HMAC; the key lies in the catalog, so tokens survive a restart. They hold nothing secret.
 *
 *     base64( JSON array (UTF-8) | HMAC-SHA256 of purpose and array, first 16 bytes )
 */
export class TokenSealer {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(purpose: string, fields: readonly (string | number)[]): string {
    const payload = Buffer.from(JSON.stringify(fields), "utf8");
    return Buffer.concat([payload, this.#mac(purpose, payload)]).toString("base64");
  }

  /** The fields of a token that this sealer made for this purpose; undefined for any other text. */
  open(purpose: string, token: string): readonly unknown[] | undefined {
    const bytes = Buffer.from(token, "base64");
    if (bytes.length <= MAC_BYTES || bytes.toString("base64") !== token) return undefined;
    const payload = bytes.subarray(0, -MAC_BYTES);
    if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), this.#mac(purpose, payload))) return undefined;
    return JSON.parse(payload.toString("utf8")) as unknown[];
  }

  #mac(purpose: string, payload: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(`${purpose}\n`).update(payload).digest().subarray(0, MAC_BYTES);
  }
}

/** A place in a shard; handed out with the time, since it holds for five minutes only. */
export interface ShardIterator {
  readonly streamName: string;
  readonly streamId: string;
  readonly shardNumber: number;
  /** Of the next frame to read. */
  readonly position: number;
  readonly createdMs: number;
}

const ITERATOR = "shard-iterator";
/** What AWS's iterators begin with. */
const VERSION = Buffer.from("0000000000000001", "hex");

/**
 * An iterator of AWS's looks and length; two for the same place differ, as AWS's do.
 *
 *     base64( version (8) | sealed fields, filled up with a random text )
 */
export function sealIterator(sealer: TokenSealer, iterator: ShardIterator): string {
  const { createdMs, streamName, streamId, shardNumber, position } = iterator;
  const fields = [createdMs, streamName, streamId, shardNumber, position];
  const missing = lengthFor(streamName) - VERSION.length - MAC_BYTES - JSON.stringify([...fields, ""]).length;
  const filling = randomBytes(Math.max(missing, 0)).toString("base64").slice(0, Math.max(missing, 0));
  const sealed = Buffer.from(sealer.seal(ITERATOR, [...fields, filling]), "base64");
  return Buffer.concat([VERSION, sealed]).toString("base64");
}

/** Bytes of AWS's iterators into a stream. Source: answers of AWS, as public test suites recorded them. */
function lengthFor(streamName: string): number {
  return 152 + Math.floor((streamName.length + 2) / 16) * 16;
}

/** @throws {CloudError} `argument-invalid`, `iterator-expired`. */
export function openIterator(sealer: TokenSealer, token: string, nowMs: number, lifeMs: number): ShardIterator {
  const bytes = Buffer.from(token, "base64");
  const isOurs = bytes.toString("base64") === token && bytes.subarray(0, VERSION.length).equals(VERSION);
  const fields = isOurs ? sealer.open(ITERATOR, bytes.subarray(VERSION.length).toString("base64")) : undefined;
  if (fields === undefined) throw new CloudError("argument-invalid", "Invalid ShardIterator.");
  const [createdMs, streamName, streamId, shardNumber, position] = fields as [number, string, string, number, number];
  if (nowMs - createdMs > lifeMs) {
    throw new CloudError(
      "iterator-expired",
      `Iterator expired. The iterator was created at time ${javaDate(createdMs)} while right now it is ` +
        `${javaDate(nowMs)} which is further in the future than the tolerated delay of ${lifeMs} milliseconds.`,
    );
  }
  return { createdMs, streamName, streamId, shardNumber, position };
}

/** As AWS writes times in messages: `Thu Jan 22 01:22:02 UTC 2015`. */
function javaDate(timeMs: number): string {
  const [day = "", date = "", month = "", year = "", time = ""] = new Date(timeMs).toUTCString().split(/,? /);
  return `${day} ${month} ${date} ${time} UTC ${year}`;
}
