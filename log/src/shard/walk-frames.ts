import { FrameKind, frameHeaderBytes } from "../format/frame.js";
import { instantiate, type KernelExports, type KernelNumber } from "../kernels/instantiate.js";
import { wasm } from "../kernels/walk-frames.wasm.js";
import { frameEntryBytes, FramePiece } from "./frame-piece.js";
import type { PageReading } from "./page-reading.js";
import { parseFrame } from "./parse-frames.js";

/** What kernels/walk-frames.ts exports. */
interface WalkFramesKernel extends KernelExports {
  readonly walk: (
    bytes: number,
    shard: number,
    low: number,
    stop: number,
    framesMax: number,
    bytesMax: number,
    mayExceed: number,
    base: number,
  ) => number;
  readonly windowAt: KernelNumber;
  readonly windowBytes: KernelNumber;
  readonly tableAt: KernelNumber;
  readonly walked: KernelNumber;
  readonly isFull: KernelNumber;
  readonly payloadBytes: KernelNumber;
}

const kernel = instantiate(wasm) as WalkFramesKernel;
const kernelMemory = Buffer.from(kernel.memory.buffer);
const windowAt = kernel.windowAt.value;
const windowBytes = kernel.windowBytes.value;
const tableAt = kernel.tableAt.value;

/** Behind damage the next frame may be damaged, too: with whole windows, thousands of small ones would take a fifth of a second. */
const triedBytes = 2048;

/** Frames of a shard that lie in memory, and what is wanted of them. */
export interface Stretch {
  readonly buffer: Buffer;
  /** Of the first frame in the buffer. */
  readonly from: number;
  /** Where the last one ends. */
  readonly end: number;
  /** The shard's number. */
  readonly shard: number;
  /** Frames from this position on are not wanted. */
  readonly stop: number;
}

/**
 * Adds a stretch's records to a page, verified, until it is full.
 * @param onDamage told of bytes that are no intact frame.
 */
export function walkFrames(
  stretch: Stretch,
  reading: PageReading,
  onDamage: (from: number, end: number) => void,
): void {
  const { buffer, from, end, shard, stop } = stretch;
  let isBehindDamage = false;
  const tell = (damagedFrom: number, damagedEnd: number): void => {
    isBehindDamage = true;
    onDamage(damagedFrom, damagedEnd);
  };
  for (let at = from; at < end && !reading.isFull;) {
    const bytes = Math.min(end - at, isBehindDamage ? triedBytes : windowBytes);
    isBehindDamage = false;
    buffer.copy(kernelMemory, windowAt, at, at + bytes);
    const { next, framesLeft, bytesLeft, isEmpty } = reading;
    const count = kernel.walk(bytes, shard, next, stop, framesLeft, bytesLeft, Number(isEmpty), at);
    if (count > 0) {
      const table = kernel.memory.buffer.slice(tableAt, tableAt + count * frameEntryBytes);
      reading.add(new FramePiece(buffer, table), kernel.payloadBytes.value);
    }
    if (kernel.isFull.value !== 0) reading.end();
    const walked = kernel.walked.value;
    at = walked > 0 ? at + walked : look(stretch, at, reading, tell);
  }
}

/** Looks at a place where the kernel found no whole frame of the shard; answers where to go on. */
function look(
  { buffer, end, shard, stop }: Stretch,
  at: number,
  reading: PageReading,
  onDamage: (from: number, end: number) => void,
): number {
  const bytes = buffer.subarray(0, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { next: low } = reading;
  const found = parseFrame(view, bytes, at, shard, (header) => header.shard === shard && header.position >= low);
  if (found.is === "damage" || found.is === "cut") {
    const damagedEnd = found.is === "cut" ? end : found.end;
    onDamage(at, damagedEnd);
    return damagedEnd;
  }
  if (found.is === "other" || found.header.kind !== FrameKind.record) return found.end;
  const { position, arrivalMs, sectionBytes, payloadBytes } = found.header;
  if (position >= stop) return end;
  if (position < low) return found.end;
  if (reading.isTooMuch(payloadBytes)) reading.end();
  else {
    const payloadAt = at + frameHeaderBytes + sectionBytes;
    reading.add(FramePiece.single(buffer, { position, arrivalMs, at, payloadAt, payloadBytes }), payloadBytes);
  }
  return found.end;
}
