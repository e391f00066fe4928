import { ElementId } from "./element-id.js";

const unknownSize = Buffer.from("01ffffffffffffff", "hex");

/** A Segment that lasts until the input ends or another EBML header comes. */
export const segmentHead = Buffer.concat([idBytes(ElementId.segment), unknownSize]);
/** A Cluster that lasts until something comes that cannot be in one. */
export const clusterHead = Buffer.concat([idBytes(ElementId.cluster), unknownSize]);

/** A whole element; its parts are copied. */
export function element(id: number, ...parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([elementHead(id, size), ...parts]);
}

/** ID and size, the size in as few bytes as hold it. */
export function elementHead(id: number, sizeBytes: number): Buffer {
  return Buffer.concat([idBytes(id), vint(sizeBytes)]);
}

/**
 * A number as sizes and track numbers are written, in as few bytes as hold it.
 * @param value 0 to 2^53 - 1.
 */
export function vint(value: number): Buffer {
  let length = 1;
  // One less than the length has room for: all ones mean unknown.
  while (value > 2 ** (7 * length) - 2) length++;
  const bytes = Buffer.alloc(length);
  let rest = value;
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[0] = bytes[0]! | (0x80 >> (length - 1));
  return bytes;
}

/** @param value 0 to 2^53 - 1. */
export function uintElement(id: number, value: number): Buffer {
  const digits = value.toString(16);
  return element(id, Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex"));
}

export function floatElement(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return element(id, bytes);
}

export function textElement(id: number, value: string): Buffer {
  return element(id, Buffer.from(value));
}

function idBytes(id: number): Buffer {
  return Buffer.from(id.toString(16), "hex");
}
