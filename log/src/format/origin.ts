import type { Origin } from "../api.js";
import { LogError } from "../api.js";
import { align8, getUint64, setUint64 } from "./frame.js";

/*
 * A record frame's section: 0 u64 request, 8 spoolId (16 bytes), 24 u16 entry, 26 u8 producer length, 27 producer.
 */
const fixedBytes = 27;

/** An origin whose producer is already UTF-8, so that its length is known before it is written. */
export interface EncodedOrigin {
  readonly origin: Origin;
  readonly producer: Buffer;
  /** Padded. */
  readonly bytes: number;
}

/** @throws {RangeError} for a producer of over 255 bytes or numbers out of range: a bug of the caller. */
export function encodeOrigin(origin: Origin, previous: EncodedOrigin | undefined): EncodedOrigin {
  if (!Number.isSafeInteger(origin.request) || origin.request < 0) throw new RangeError("origin.request out of range");
  if (!Number.isInteger(origin.entry) || origin.entry < 0 || origin.entry > 0xffff)
    throw new RangeError("origin.entry out of range");
  // Frames of one append mostly share their producer.
  if (previous?.origin.producer === origin.producer) {
    return { origin, producer: previous.producer, bytes: previous.bytes };
  }
  const producer = Buffer.from(origin.producer, "utf8");
  if (producer.length > 255) throw new RangeError("origin.producer over 255 bytes");
  return { origin, producer, bytes: align8(fixedBytes + producer.length) };
}

/** Writes the section into zeroed bytes. */
export function writeOrigin(view: DataView, bytes: Buffer, at: number, encoded: EncodedOrigin): void {
  setUint64(view, at, encoded.origin.request);
  if (bytes.write(encoded.origin.spoolId.replaceAll("-", ""), at + 8, 16, "hex") !== 16)
    throw new RangeError("origin.spoolId is no UUID");
  view.setUint16(at + 24, encoded.origin.entry, true);
  view.setUint8(at + 26, encoded.producer.length);
  encoded.producer.copy(bytes, at + fixedBytes);
}

/** @throws {LogError} `disk-failed` where the section's checksum holds but it is no origin: not written by us. */
export function readOrigin(view: DataView, bytes: Buffer, at: number, sectionBytes: number): Origin {
  const producerBytes = sectionBytes > fixedBytes ? view.getUint8(at + 26) : 0;
  if (sectionBytes < align8(fixedBytes + producerBytes)) throw new LogError("disk-failed", "a frame's origin is cut");
  const hex = bytes.toString("hex", at + 8, at + 24);
  return {
    producer: bytes.toString("utf8", at + fixedBytes, at + fixedBytes + producerBytes),
    spoolId: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
    request: getUint64(view, at),
    entry: view.getUint16(at + 24, true),
  };
}
