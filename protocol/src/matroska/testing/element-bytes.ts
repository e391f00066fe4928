/*
 * Matroska by hand, for tests of the reader: nothing here comes from the writer, so that both cannot be wrong together.
 */

/** Bytes in hexadecimal, spaces allowed; a number as 8 bytes; or bytes. */
export type Bytes = string | bigint | Uint8Array;

export function bytes(...parts: readonly Bytes[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === "string") return Buffer.from(part.replaceAll(" ", ""), "hex");
      if (typeof part !== "bigint") return part;
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(part);
      return number;
    }),
  );
}

/** An element whose size is written in 8 bytes. */
export function wide(id: string, ...content: readonly Bytes[]): Buffer {
  const data = bytes(...content);
  return bytes(id, BigInt(data.length) + (1n << 56n), data);
}

/** An element whose size is written in one byte; up to 126 bytes. */
export function short(id: string, ...content: readonly Bytes[]): Buffer {
  const data = bytes(...content);
  if (data.length > 126) throw new RangeError(`${data.length} bytes`);
  return bytes(id, Buffer.of(0x80 | data.length), data);
}

/** An element of unknown size: its head, and what is to be in it. */
export function open(id: string, ...content: readonly Bytes[]): Buffer {
  return bytes(id, "01ffffffffffffff", ...content);
}

export function text(value: string): Buffer {
  return Buffer.from(value);
}
