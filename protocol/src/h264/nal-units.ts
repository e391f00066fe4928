/**
 * NAL units in their two wrappings, which H.264 and H.265 share: each behind its length, as in MP4 and Matroska
 * (ISO/IEC 14496-15), or each behind a start code, as encoders and RTP receivers give them (Annex B).
 */

/** How many bytes a length takes. */
export type LengthBytes = 1 | 2 | 4;

/**
 * The NAL units of a frame, as views.
 * @returns undefined where the lengths do not add up to the frame, or one of them is 0.
 */
export function splitByLength(frame: Uint8Array, lengthBytes: LengthBytes): Uint8Array[] | undefined {
  const units: Uint8Array[] = [];
  let at = 0;
  while (at < frame.length) {
    const start = at + lengthBytes;
    if (start > frame.length) return undefined;
    const length = lengthAt(frame, at, lengthBytes);
    at = start + length;
    if (length === 0 || at > frame.length) return undefined;
    units.push(frame.subarray(start, at));
  }
  return units;
}

/** Whether {@link splitByLength} can split the frame, and finds at least one NAL unit; makes no views. */
export function hasWholeNalUnits(frame: Uint8Array, lengthBytes: LengthBytes): boolean {
  let at = 0;
  while (at + lengthBytes <= frame.length) {
    const length = lengthAt(frame, at, lengthBytes);
    if (length === 0) return false;
    at += lengthBytes + length;
  }
  return at === frame.length && at > 0;
}

/**
 * The NAL units of an Annex B byte stream, as views, without the zero bytes around them.
 * @returns undefined where something other than zeros comes before the first start code, or a NAL unit is empty.
 */
export function splitByStartCode(stream: Uint8Array): Uint8Array[] | undefined {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength);
  const units: Uint8Array[] = [];
  let code = bytes.indexOf(START_CODE);
  if (trimmedEnd(bytes, 0, code === -1 ? bytes.length : code) > 0) return undefined;
  while (code !== -1) {
    const start = code + START_CODE.length;
    code = bytes.indexOf(START_CODE, start);
    const end = trimmedEnd(bytes, start, code === -1 ? bytes.length : code);
    if (end === start) return undefined;
    units.push(bytes.subarray(start, end));
  }
  return units;
}

/** Puts each NAL unit behind its length in 4 bytes; copies each once. */
export function joinByLength(units: readonly Uint8Array[]): Buffer {
  return join(units, (out, at, length) => out.writeUInt32BE(length, at));
}

/** Puts each NAL unit behind a start code of 4 bytes; copies each once. */
export function joinByStartCode(units: readonly Uint8Array[]): Buffer {
  return join(units, (out, at) => out.writeUInt32BE(1, at));
}

/** What a NAL unit says once the bytes are taken out that keep start codes from arising within it (clause 7.4.1). */
export function withoutEmulationPrevention(unit: Uint8Array): Uint8Array {
  const out = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

const START_CODE = Buffer.of(0, 0, 1);

function lengthAt(frame: Uint8Array, at: number, lengthBytes: LengthBytes): number {
  let length = 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (frame[at + i] ?? 0);
  return length;
}

function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === 0) at--;
  return at;
}

function join(units: readonly Uint8Array[], writePrefix: (out: Buffer, at: number, length: number) => unknown): Buffer {
  const out = Buffer.allocUnsafe(units.reduce((sum, unit) => sum + 4 + unit.length, 0));
  let at = 0;
  for (const unit of units) {
    writePrefix(out, at, unit.length);
    out.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return out;
}
