import type { Ack } from "./ack.js";
import { PutMediaError } from "./put-media-error.js";

/** The AWS producers read at most 1024. */
const ACK_BYTES_MAX = 16 * 1024;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads acknowledgements, flat JSON objects with white space between them, from chunks cut anywhere. Those of a kind that
 * is not known are passed over.
 */
export class AckParser {
  /** Of the object that has begun. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #at: "between" | "object" | "text" | "escape" = "between";

  /** @throws {PutMediaError} `malformed-answer`, after the acknowledgements before it. */
  *push(chunk: Buffer): Generator<Ack, void, void> {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#at === "between") {
        if (byte === OPEN) {
          this.#at = "object";
          start = i;
        } else if (byte > 0x20) throw malformed(chunk.toString("utf8", i, i + 40));
      } else if (this.#at === "escape") this.#at = "text";
      else if (this.#at === "text") {
        if (byte === QUOTE) this.#at = "object";
        else if (byte === BACKSLASH) this.#at = "escape";
      } else if (byte === QUOTE) this.#at = "text";
      else if (byte === CLOSE) {
        this.#at = "between";
        const ack = readAck(this.#take(chunk.subarray(start, i + 1)));
        if (ack !== undefined) yield ack;
      }
    }
    if (this.#at === "between") return;
    this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > ACK_BYTES_MAX) throw malformed(`more than ${ACK_BYTES_MAX} bytes in one`);
    this.#parts.push(part);
  }

  #take(part: Buffer): string {
    this.#keep(part);
    const text = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#bytes = 0;
    return text;
  }
}

function readAck(text: string): Ack | undefined {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw malformed(text.slice(0, 100), error);
  }
  const { EventType: event, FragmentTimecode, FragmentNumber, ErrorId, ErrorCode } = fields;
  const fragmentTimecodeMs = typeof FragmentTimecode === "number" ? FragmentTimecode : undefined;
  const fragmentNumber = typeof FragmentNumber === "string" ? FragmentNumber : undefined;
  switch (event) {
    case "IDLE":
      return { event };
    case "ERROR":
      if (typeof ErrorId !== "number") throw malformed(text.slice(0, 100));
      return {
        event,
        errorId: ErrorId,
        errorCode: typeof ErrorCode === "string" ? ErrorCode : "",
        fragmentTimecodeMs,
        fragmentNumber,
      };
    case "BUFFERING":
    case "RECEIVED":
    case "PERSISTED":
      if (fragmentTimecodeMs === undefined) throw malformed(text.slice(0, 100));
      return { event, fragmentTimecodeMs, fragmentNumber };
    default:
      return undefined;
  }
}

function malformed(what: string, cause?: unknown): PutMediaError {
  return new PutMediaError("malformed-answer", `not an acknowledgement: ${what}`, { cause });
}
