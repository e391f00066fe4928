import { isUtf8 } from "node:buffer";
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

/** Takes an event stream's bytes as they come, cut anywhere, and answers messages. Holds one message at most. */
export class EventStreamReader {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Of the message being read; undefined until its first 12 bytes are there. */
  #totalBytes: number | undefined;

  /**
   * The messages that are whole with these bytes; their payloads may be views of them.
   * @throws {EventStreamError} `checksum-wrong`, `too-large`, `malformed`; the reader cannot go on then.
   */
  push(chunk: Uint8Array): EventMessage[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: EventMessage[] = [];
    while (this.#bytes >= (this.#totalBytes ?? PRELUDE_BYTES)) {
      if (this.#totalBytes === undefined) this.#totalBytes = readPrelude(this.#joined(PRELUDE_BYTES));
      else messages.push(readMessage(this.#take(this.#totalBytes)));
    }
    return messages;
  }

  /** To be called at the stream's end. @throws {EventStreamError} `truncated`. */
  end(): void {
    if (this.#bytes > 0)
      throw new EventStreamError("truncated", `the stream ended ${this.#bytes} bytes into a message`);
  }

  #take(bytes: number): Buffer {
    const joined = this.#joined(bytes);
    const rest = joined.subarray(bytes);
    this.#chunks.length = 0;
    if (rest.length > 0) this.#chunks.push(rest);
    this.#bytes = rest.length;
    this.#totalBytes = undefined;
    return joined.subarray(0, bytes);
  }

  /** Everything that is there, of which the first piece has at least so many bytes. */
  #joined(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first === undefined || first.length < bytes) this.#chunks.splice(0, Infinity, Buffer.concat(this.#chunks));
    const [head = Buffer.alloc(0)] = this.#chunks;
    return Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  }
}

/** The message's length in bytes. */
function readPrelude(bytes: Buffer): number {
  const totalBytes = bytes.readUInt32BE(0);
  const headersBytes = bytes.readUInt32BE(4);
  if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8)) {
    throw new EventStreamError("checksum-wrong", "the checksum of a message's lengths is wrong");
  }
  const payloadBytes = totalBytes - headersBytes - PRELUDE_BYTES - CHECKSUM_BYTES;
  if (payloadBytes < 0) throw malformed(`a message of ${totalBytes} bytes has ${headersBytes} bytes of headers`);
  const { headersBytesMax, payloadBytesMax } = eventMessageLimits;
  if (headersBytes <= headersBytesMax && payloadBytes <= payloadBytesMax) return totalBytes;
  throw new EventStreamError("too-large", `headers of ${headersBytes}, payload of ${payloadBytes} bytes`);
}

function readMessage(bytes: Buffer): EventMessage {
  const end = bytes.length - CHECKSUM_BYTES;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
    throw new EventStreamError("checksum-wrong", "a message's checksum is wrong");
  }
  const headersEnd = PRELUDE_BYTES + bytes.readUInt32BE(4);
  return {
    headers: new HeadersReader(bytes.subarray(PRELUDE_BYTES, headersEnd)).read(),
    payload: bytes.subarray(headersEnd, end),
  };
}

class HeadersReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): Map<string, HeaderValue> {
    const headers = new Map<string, HeaderValue>();
    while (this.#at < this.#bytes.length) {
      const name = this.#text(this.#take(1).readUInt8());
      if (name === "") throw malformed("a header has no name");
      if (headers.has(name)) throw malformed(`header ${name} comes twice`);
      headers.set(name, this.#value());
    }
    return headers;
  }

  #value(): HeaderValue {
    const type = this.#take(1).readUInt8();
    switch (type) {
      case wireTypes.true:
        return { type: "boolean", value: true };
      case wireTypes.false:
        return { type: "boolean", value: false };
      case wireTypes.byte:
        return { type: "byte", value: this.#take(1).readInt8() };
      case wireTypes.short:
        return { type: "short", value: this.#take(2).readInt16BE() };
      case wireTypes.integer:
        return { type: "integer", value: this.#take(4).readInt32BE() };
      case wireTypes.long:
        return { type: "long", value: this.#take(8).readBigInt64BE() };
      case wireTypes.bytes:
        return { type: "bytes", value: this.#take(this.#take(2).readUInt16BE()) };
      case wireTypes.string:
        return { type: "string", value: this.#text(this.#take(2).readUInt16BE()) };
      case wireTypes.timestamp:
        return { type: "timestamp", value: this.#take(8).readBigInt64BE() };
      case wireTypes.uuid:
        return { type: "uuid", value: this.#uuid() };
      default:
        throw malformed(`a header has the unknown type ${type}`);
    }
  }

  #uuid(): string {
    return this.#take(16)
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  #text(length: number): string {
    const bytes = this.#take(length);
    if (!isUtf8(bytes)) throw malformed("a header's text is no UTF-8");
    return bytes.toString("utf8");
  }

  #take(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw malformed("a header runs past the headers' end");
    return this.#bytes.subarray(from, this.#at);
  }
}

function malformed(message: string): EventStreamError {
  return new EventStreamError("malformed", message);
}
