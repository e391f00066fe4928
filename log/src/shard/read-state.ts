import type { ReadHandles } from "../files/log-file.js";
import { FrameKind, frameHeaderBytes } from "../format/frame.js";
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
    if (found.is === "frame" && found.header.kind === FrameKind.state) {
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
