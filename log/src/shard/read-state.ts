import type { ReadHandles } from "../files/log-file.js";
import { FrameKind, frameHeaderBytes, getUint64 } from "../format/frame.js";
import type { DamageLog } from "./damage-log.js";
import { parseFrame } from "./parse-frames.js";
import type { Shard } from "./shard.js";

/** The newest state of a shard; undefined where there is none or it is damaged, which is then reported. */
export async function readState(
  shard: Shard,
  handles: ReadHandles,
  damage: DamageLog,
): Promise<{ position: number; state: Buffer } | undefined> {
  for (;;) {
    const location = shard.state;
    if (location === undefined || shard.deleted) return undefined;
    const bytes = Buffer.allocUnsafeSlow(location.bytes);
    try {
      await handles.read(location.file, bytes, location.offset);
    } catch (error) {
      if (shard.deleted || shard.state !== location) continue; // it went, or was settled, meanwhile
      throw error;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const found = parseFrame(view, bytes, 0, shard.number, () => false);
    const isState = found.is === "frame" && found.header.kind === FrameKind.state;
    // Another state is one that a file that is used again held before: the disk has lost what was written over it.
    if (isState && getUint64(view, frameHeaderBytes) === location.number) {
      const from = frameHeaderBytes + found.header.sectionBytes;
      return { position: found.header.position, state: bytes.subarray(from, from + found.header.payloadBytes) };
    }
    damage.add({
      file: location.file.path,
      offset: location.offset,
      bytes: location.bytes,
      kind: "damaged",
      shard: shard.name,
    });
    return undefined;
  }
}
