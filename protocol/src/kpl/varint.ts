/** Protocol Buffers' base-128 numbers, as far as a double holds them exactly (to 2^53 - 1). */

/** Bytes that {@link writeVarint} takes for the value. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes the value at an offset. @returns the offset behind it. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let offset = at;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[offset++] = (rest % 0x80) | 0x80;
  into[offset++] = rest;
  return offset;
}

/** Reads fields of a message one after the other. What is no message ends with `isBroken`, never with an error. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  isBroken = false;
  /** Of the last {@link next}. */
  field = 0;
  /** Of the last field, where it was a number. */
  value: number | undefined;
  /** Of the last field, where it was bytes: from where up to where. */
  from = 0;
  to = 0;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  /** Goes to the next field. @returns false at the end, and where the bytes are broken. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    const wireType = tag % 8;
    this.field = Math.floor(tag / 8);
    this.value = undefined;
    this.from = this.#at;
    if (wireType === 0) this.value = this.#varint();
    else if (wireType === 1) this.#at += 8;
    else if (wireType === 5) this.#at += 4;
    else if (wireType === 2) {
      const length = this.#varint();
      this.from = this.#at;
      this.#at += length;
    } else this.isBroken = true;
    this.to = this.#at;
    if (this.#at > this.#end || this.field === 0) this.isBroken = true;
    return !this.isBroken;
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; this.#at < this.#end; factor *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) break;
      if (byte < 0x80) return value;
    }
    this.isBroken = true;
    return 0;
  }
}
