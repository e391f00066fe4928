import { isAscii, isUtf8 } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CloudError } from "../cloud-error.js";
import { JsonStructure } from "./json-structure.js";
import { malformed } from "./malformed.js";
import type { Output } from "./wire-codec.js";

/** To look through or to decode: a few milliseconds' work, whatever they hold. */
const BYTES_AT_ONCE = 1 << 20;

/**
 * Reads a JSON body.
 * @throws {CloudError} `body-malformed`.
 */
export function decodeJson(body: Buffer): unknown {
  if (new JsonStructure(body).isTooMuchUpTo(body.length)) throw tooMuch();
  if (isAscii(body)) return parse(body.toString("latin1"));
  if (!isUtf8(body)) throw notUtf8();
  return parse(body.toString("utf8"));
}

/**
 * Reads a JSON body of megabytes over several turns of the event loop, of which the parser's is the longest.
 * @throws {CloudError} `body-malformed`.
 */
export async function decodeJsonInTurns(body: Buffer): Promise<unknown> {
  const structure = new JsonStructure(body);
  for (let at = 0; at < body.length; at += BYTES_AT_ONCE) {
    if (structure.isTooMuchUpTo(Math.min(at + BYTES_AT_ONCE, body.length))) throw tooMuch();
    await nextTurn();
  }
  // A text of ASCII needs no decoder, which takes several times as long.
  const text = isAscii(body) ? body.toString("latin1") : await utf8InTurns(body);
  await nextTurn();
  return parse(text);
}

async function utf8InTurns(body: Buffer): Promise<string> {
  if (!isUtf8(body)) throw notUtf8();
  let text = "";
  for (let from = 0; from < body.length;) {
    let to = Math.min(from + BYTES_AT_ONCE, body.length);
    while (isInCharacter(body[to])) to -= 1;
    text += body.toString("utf8", from, to);
    from = to;
    await nextTurn();
  }
  return text;
}

/** Whether a byte of UTF-8 is not the first of its character. */
function isInCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed("The request body is not valid JSON.", { cause: error });
  }
}

function tooMuch(): CloudError {
  return malformed("The request body has too many members or values.");
}

/** Node's decoder would put replacement characters for bytes that are no text. */
function notUtf8(): CloudError {
  return malformed("The request body is not valid UTF-8.");
}

/** Writes an answer: bytes as base64, dates as seconds since 1970 with a fraction. */
export function encodeJson(output: Output): string {
  if (typeof output === "string") return quoted(output);
  if (output instanceof Uint8Array) return `"${asBuffer(output).toString("base64")}"`;
  if (output instanceof Date) return String(output.getTime() / 1000);
  if (Array.isArray(output)) return `[${output.map(encodeJson).join(",")}]`;
  if (typeof output !== "object" || output === null) return JSON.stringify(output);
  let members = "";
  for (const name of Object.keys(output)) {
    const value = (output as Readonly<Record<string, Output | undefined>>)[name];
    if (value !== undefined) members += `${members === "" ? "" : ","}${quoted(name)}:${encodeJson(value)}`;
  }
  return `{${members}}`;
}

/** Printable ASCII but for the quotation mark and the backslash: nothing of it has to be escaped. */
const IS_PLAIN = /^[ !#-[\]-~]*$/;
/** Longer text is left to the JSON library. */
const PLAIN_CHARACTERS_MAX = 100;

function quoted(text: string): string {
  return text.length <= PLAIN_CHARACTERS_MAX && IS_PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
