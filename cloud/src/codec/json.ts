import { isUtf8 } from "node:buffer";
import { malformed } from "./malformed.js";
import type { Output } from "./wire-codec.js";

/**
 * Braces and brackets that a body may open. The largest that makes sense are 500 partition keys of 256 characters with
 * nothing else in them; millions would cost the parser seconds and a gigabyte, in which nobody else is served.
 */
const OPENINGS_MAX = 1 << 18;

/**
 * Reads a JSON body.
 * @throws {CloudError} `body-malformed`.
 */
export function decodeJson(body: Buffer): unknown {
  // Node's decoder would put replacement characters for bytes that are no text.
  if (!isUtf8(body)) throw malformed("The request body is not valid UTF-8.");
  if (hasMoreThan(OPENINGS_MAX, body)) throw malformed("The request body has too many lists and structures.");
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw malformed("The request body is not valid JSON.", { cause: error });
  }
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

/** Whether the body opens more braces and brackets, strings included, than the limit. */
function hasMoreThan(limit: number, body: Buffer): boolean {
  if (body.length <= limit) return false;
  let count = 0;
  for (const opening of ["{", "["]) {
    const byte = opening.charCodeAt(0);
    for (let at = body.indexOf(byte); at >= 0; at = body.indexOf(byte, at + 1)) {
      count += 1;
      if (count > limit) return true;
    }
  }
  return false;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
