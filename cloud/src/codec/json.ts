import { malformed } from "./shape.js";
import type { Output } from "./wire-codec.js";

/**
 * Reads a JSON body.
 * @throws {CloudError} `body-malformed`.
 */
export function decodeJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw malformed("The request body is not valid JSON.", { cause: error });
  }
}

/** Writes an answer: bytes as base64, dates as seconds since 1970 with a fraction. */
export function encodeJson(output: Output): string {
  if (output instanceof Uint8Array) return `"${asBuffer(output).toString("base64")}"`;
  if (output instanceof Date) return String(output.getTime() / 1000);
  if (Array.isArray(output)) return `[${output.map(encodeJson).join(",")}]`;
  if (typeof output !== "object" || output === null) return JSON.stringify(output);
  const members: string[] = [];
  for (const [name, value] of Object.entries(output)) {
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${encodeJson(value)}`);
  }
  return `{${members.join(",")}}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
