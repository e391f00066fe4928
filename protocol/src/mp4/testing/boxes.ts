/** A box as it was found. */
export interface FoundBox {
  readonly type: string;
  /** Without size and type. */
  readonly content: Buffer;
}

/** A sample as a player sees it; times and duration in ticks. */
export interface FoundSample {
  readonly decode: number;
  readonly presentation: number;
  readonly duration: number;
  readonly isSync: boolean;
  readonly data: Buffer;
}

export function boxesIn(bytes: Buffer): FoundBox[] {
  const found: FoundBox[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length) throw new Error(`a box of ${size} bytes in ${bytes.length - at}`);
    found.push({ type: bytes.toString("latin1", at + 4, at + 8), content: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return found;
}

/** Follows a path of types, such as `moof/traf/trun`, to the first box of each type. */
export function boxAt(bytes: Buffer, path: string): Buffer {
  let content = bytes;
  for (const type of path.split("/")) {
    const found = boxesIn(content).find((box) => box.type === type);
    if (found === undefined) throw new Error(`no ${type} of ${path}`);
    content = found.content;
  }
  return content;
}

/** The samples of media segments one after the other, taken out as ISO/IEC 14496-12 says and not as they were written. */
export function samplesIn(segments: readonly Buffer[]): FoundSample[] {
  return segments.flatMap((segment) => {
    const moofAt = segment.indexOf("moof") - 4;
    const traf = boxAt(segment, "moof/traf");
    const [tfhd, tfdt, trun] = [boxAt(traf, "tfhd"), boxAt(traf, "tfdt"), boxAt(traf, "trun")];
    const defaultFlags = (tfhd.readUInt32BE(0) & 0x20) === 0 ? 0 : tfhd.readUInt32BE(8);
    const fields = trun.readUInt32BE(0) & 0xffffff;
    let decode = Number(tfdt.readBigUInt64BE(4));
    let at = moofAt + trun.readInt32BE(8);
    let row = 12;
    const field = (bit: number): number | undefined => {
      if ((fields & bit) === 0) return undefined;
      row += 4;
      return bit === 0x800 ? trun.readInt32BE(row - 4) : trun.readUInt32BE(row - 4);
    };
    return Array.from({ length: trun.readUInt32BE(4) }, () => {
      const [duration = 0, size = 0, flags = defaultFlags, offset = 0] = [0x100, 0x200, 0x400, 0x800].map(field);
      const data = segment.subarray(at, at + size);
      if (data.length !== size) throw new Error("a sample runs past the end");
      const sample = { decode, presentation: decode + offset, duration, isSync: (flags & 0x10000) === 0, data };
      decode += duration;
      at += size;
      return sample;
    });
  });
}
