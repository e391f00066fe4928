import { LogError, type PackedFrames } from "../api.js";
import type { AppendMemory } from "./append-memory.js";
import { shortChecksum } from "./checksum.js";
import { copiedPayloadBytesMax, type EncodedAppend, type Place } from "./encoded-append.js";
import { FrameKind, frameBytes, frameHeaderBytes, framePayloadBytesMax, writeFrame } from "./frame.js";

/**
 * The same bytes as of records that are given one by one (encoded-append.ts).
 * @throws {LogError} `frame-too-large`.
 */
export function encodePacked(
  frames: PackedFrames,
  place: Place,
  memory: (bytes: number) => AppendMemory,
): EncodedAppend {
  const { count, bytes: source } = frames;
  let bytes = 0;
  let blockBytes = 0;
  let payloadBytesOfAll = 0;
  for (let i = 0; i < count; i++) {
    const payloadBytes = frames.endOf(i) - frames.startOf(i);
    if (payloadBytes > framePayloadBytesMax)
      throw new LogError("frame-too-large", `a frame of ${payloadBytes} bytes; the most is ${framePayloadBytesMax}`);
    const whole = frameBytes(0, payloadBytes);
    bytes += whole;
    payloadBytesOfAll += payloadBytes;
    blockBytes += payloadBytes > copiedPayloadBytesMax ? whole - payloadBytes : whole;
  }

  const block = memory(bytes).take(blockBytes);
  const { slab, view } = block;
  const start = block.used - blockBytes;
  let buffers: Uint8Array[] | undefined;
  let from = start;
  let at = start;
  for (let i = 0; i < count; i++) {
    const dataAt = frames.startOf(i);
    const payloadBytes = frames.endOf(i) - dataAt;
    const payload = new Uint8Array(source.buffer, source.byteOffset + dataAt, payloadBytes);
    const payloadAt = at + frameHeaderBytes;
    let paddingAt = payloadAt;
    if (payloadBytes > copiedPayloadBytesMax) {
      (buffers ??= []).push(slab.subarray(from, payloadAt), payload);
      from = payloadAt;
    } else {
      slab.set(payload, payloadAt);
      paddingAt += payloadBytes;
    }
    const end = paddingAt + frameBytes(0, payloadBytes) - frameHeaderBytes - payloadBytes;
    for (let zero = paddingAt; zero < end; zero++) slab[zero] = 0;
    writeFrame(view, at, {
      kind: FrameKind.record,
      sectionBytes: 0,
      payloadBytes,
      payloadChecksum: shortChecksum(slab, paddingAt, end, frames.checksumOf(i)),
      shard: place.shard,
      position: place.position + i,
      arrivalMs: place.arrivalMs,
      ordinal: 0,
    });
    at = end;
  }
  if (from < at) buffers?.push(slab.subarray(from, at));
  return { frames: count, bytes, payloadBytes: payloadBytesOfAll, block, from: start, to: at, buffers };
}
