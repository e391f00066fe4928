import { MatroskaError } from "./matroska-error.js";

/*
 * EBML (RFC 8794) in one buffer. An element is ID, size, data. The leading zero bits of a first byte count the bytes that
 * follow it; an ID keeps the bit that ends them, a size does not. A size of all ones is unknown.
 */

export interface Element {
  readonly id: number;
  readonly data: Buffer;
  /** Of the element, from the start of the input. */
  readonly offset: number;
}

export const ID_BYTES_MAX = 4;
export const SIZE_BYTES_MAX = 8;

/** How many bytes a number takes whose first byte this is; 9 for the invalid zero. */
export function vintBytes(firstByte: number): number {
  return Math.clz32(firstByte) - 23;
}

/** After the bit that ends its length, an ID must not be all zeros or all ones. */
export function isReservedId(id: number): boolean {
  return reservedIds.has(id);
}

const reservedIds = new Set([0x80, 0xff, 0x4000, 0x7fff, 0x200000, 0x3fffff, 0x10000000, 0x1fffffff]);

/** @returns undefined for unknown; Infinity for what a number cannot hold exactly. */
export function readSize(bytes: Uint8Array, at: number, length: number): number | undefined {
  let value = bytes[at]! & (0xff >> length);
  let isUnknown = value === 0xff >> length;
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i]!;
    isUnknown &&= byte === 0xff;
    value = value * 256 + byte;
  }
  if (isUnknown) return undefined;
  return value <= Number.MAX_SAFE_INTEGER ? value : Infinity;
}

/**
 * The elements directly in a master element. Their data are views.
 * @throws {MatroskaError} `malformed`.
 */
export function* elementsOf(parent: Element, elementsMax = Infinity): Generator<Element, void, void> {
  const { data } = parent;
  const base = parent.offset;
  const fail = (at: number, what: string): MatroskaError => new MatroskaError("malformed", what, base + at);
  let elements = 0;
  for (let at = 0; at < data.length;) {
    if (++elements > elementsMax) throw fail(at, `more than ${elementsMax} elements in one of ID ${hexId(parent.id)}`);
    const idBytes = vintBytes(data[at]!);
    const sizeAt = at + idBytes;
    if (idBytes > ID_BYTES_MAX || sizeAt >= data.length) throw fail(at, "no element ID");
    const sizeBytes = vintBytes(data[sizeAt]!);
    const from = sizeAt + sizeBytes;
    if (sizeBytes > SIZE_BYTES_MAX || from > data.length) throw fail(at, "no element size");
    const size = readSize(data, sizeAt, sizeBytes);
    const id = data.readUIntBE(at, idBytes);
    if (isReservedId(id)) throw fail(at, "a reserved element ID");
    if (size === undefined) throw fail(at, `unknown size of element ${hexId(id)}`);
    if (size > data.length - from) throw fail(at, `element ${hexId(id)} runs past the one around it`);
    yield { id, data: data.subarray(from, from + size), offset: base + at };
    at = from + size;
  }
}

/** @throws {MatroskaError} `malformed`: over 8 bytes, or over 2^53 - 1. */
export function uintOf(element: Element): number {
  const value = bigUintOf(element);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new MatroskaError("malformed", `${value} in element ${hexId(element.id)}`, element.offset);
  return Number(value);
}

/** @throws {MatroskaError} `malformed`: over 8 bytes. */
export function bigUintOf({ id, data, offset }: Element): bigint {
  if (data.length > 8) throw new MatroskaError("malformed", `a number of ${data.length} bytes in ${hexId(id)}`, offset);
  let value = 0n;
  for (const byte of data) value = (value << 8n) | BigInt(byte);
  return value;
}

/** @throws {MatroskaError} `malformed`: not of 0, 4 or 8 bytes, or not finite. */
export function floatOf({ id, data, offset }: Element): number {
  const value =
    data.length === 0 ? 0 : data.length === 4 ? data.readFloatBE() : data.length === 8 ? data.readDoubleBE() : NaN;
  if (!Number.isFinite(value)) throw new MatroskaError("malformed", `no finite number in element ${hexId(id)}`, offset);
  return value;
}

/** Text ends at its first zero byte. What is not UTF-8 becomes U+FFFD: cameras put anything into titles. */
export function textOf({ data }: Element): string {
  const end = data.indexOf(0);
  return data.toString("utf8", 0, end === -1 ? data.length : end);
}

export function hexId(id: number): string {
  return `0x${id.toString(16)}`;
}
