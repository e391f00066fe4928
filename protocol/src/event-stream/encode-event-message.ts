import { crc32 } from "node:zlib";
import {
  CHECKSUM_BYTES,
  type EventMessage,
  eventMessageLimits,
  type HeaderValue,
  PRELUDE_BYTES,
  wireTypes,
} from "./event-message.js";
import { EventStreamError } from "./event-stream-error.js";

const NAME_BYTES_MAX = 255;
const VALUE_BYTES_MAX = 0x7fff;

/** Writes a message with a payload that lies in some pieces. @throws {EventStreamError} `too-large`. */
export type EventMessageWriter = (payload: readonly Uint8Array[]) => Buffer;

/**
 * Makes what writes messages that have these headers.
 * @throws {EventStreamError} `too-large`; `malformed` for a number that its type cannot hold, or a UUID that is none.
 */
export function eventMessageWriter(headers: EventMessage["headers"]): EventMessageWriter {
  const written = Buffer.concat([...headers].flatMap(([name, value]) => encodeHeader(name, value)));
  if (written.length > eventMessageLimits.headersBytesMax) throw tooLarge("headers", written.length);
  return (payload) => {
    let payloadBytes = 0;
    for (const { length } of payload) payloadBytes += length;
    if (payloadBytes > eventMessageLimits.payloadBytesMax) throw tooLarge("a payload", payloadBytes);
    const message = Buffer.allocUnsafe(PRELUDE_BYTES + written.length + payloadBytes + CHECKSUM_BYTES);
    message.writeUInt32BE(message.length, 0);
    message.writeUInt32BE(written.length, 4);
    message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
    message.set(written, PRELUDE_BYTES);
    let at = PRELUDE_BYTES + written.length;
    for (const piece of payload) {
      message.set(piece, at);
      at += piece.length;
    }
    message.writeUInt32BE(crc32(message.subarray(0, at)), at);
    return message;
  };
}

function encodeHeader(name: string, header: HeaderValue): Buffer[] {
  const nameBytes = Buffer.from(name, "utf8");
  if (nameBytes.length === 0) throw new EventStreamError("malformed", "a header has no name");
  if (nameBytes.length > NAME_BYTES_MAX) throw tooLarge("a header's name", nameBytes.length);
  return [Buffer.of(nameBytes.length), nameBytes, ...encodeValue(header)];
}

function encodeValue(header: HeaderValue): Buffer[] {
  switch (header.type) {
    case "byte":
      return [typeOf(header), number(1, header.value)];
    case "short":
      return [typeOf(header), number(2, header.value)];
    case "integer":
      return [typeOf(header), number(4, header.value)];
    case "long":
    case "timestamp":
      return [typeOf(header), long(header.value)];
    case "bytes":
      return [typeOf(header), ...withLength(header.value)];
    case "string":
      return [typeOf(header), ...withLength(Buffer.from(header.value, "utf8"))];
    case "uuid":
      return [typeOf(header), uuid(header.value)];
    case "boolean":
    default:
      return [Buffer.of(header.value ? wireTypes.true : wireTypes.false)];
  }
}

function typeOf({ type }: Exclude<HeaderValue, { type: "boolean" }>): Buffer {
  return Buffer.of(wireTypes[type]);
}

function number(bytes: number, value: number): Buffer {
  const limit = 2 ** (bytes * 8 - 1);
  if (!Number.isInteger(value) || value < -limit || value >= limit) {
    throw new EventStreamError("malformed", `${value} is no whole number of ${bytes} bytes`);
  }
  const written = Buffer.allocUnsafe(bytes);
  written.writeIntBE(value, 0, bytes);
  return written;
}

function long(value: bigint): Buffer {
  if (BigInt.asIntN(64, value) !== value) throw new EventStreamError("malformed", `${value} needs more than 8 bytes`);
  const written = Buffer.allocUnsafe(8);
  written.writeBigInt64BE(value);
  return written;
}

function withLength(value: Uint8Array): Buffer[] {
  if (value.length > VALUE_BYTES_MAX) throw tooLarge("a header's value", value.length);
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(value.length);
  return [length, Buffer.from(value)];
}

function uuid(text: string): Buffer {
  const digits = text.replaceAll("-", "");
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) {
    throw new EventStreamError("malformed", `${text} is no UUID in lower case`);
  }
  return Buffer.from(digits, "hex");
}

function tooLarge(what: string, bytes: number): EventStreamError {
  return new EventStreamError("too-large", `${what} of ${bytes} bytes: more than a message may have`);
}
