import { execFileSync } from "node:child_process";
import type { MediaFrame } from "../media-segment.js";
import type { TrackSource } from "../track.js";

/** A track as ffmpeg encoded it and wrote it to Matroska. */
export interface Encoded {
  readonly source: TrackSource;
  /** In decode order. */
  readonly frames: readonly MediaFrame[];
}

/**
 * Lets ffmpeg encode its test sources.
 * @param words input and encoder, in ffmpeg's words.
 * @param startMs added to each time, so that times are like those of a camera.
 */
export function encoded(words: string, startMs = 1_795_188_690_051): Encoded {
  const args = ["-nostdin", "-v", "error", ...words.split(" "), "-f", "matroska", "pipe:1"];
  const file = execFileSync("ffmpeg", args, { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] });
  const segment = children(file, SEGMENT);
  const track = children(children(segment, TRACKS), TRACK_ENTRY);
  const frames = [...elements(segment)]
    .filter(({ id }) => id === CLUSTER)
    .flatMap(({ content }) => clusterFrames(content, startMs));
  const codecId = children(track, CODEC_ID).toString();
  return { source: { codecId, codecPrivate: children(track, CODEC_PRIVATE) }, frames };
}

/** The fragments of a stream: each begins with a key frame. */
export function fragmentsOf(frames: readonly MediaFrame[]): MediaFrame[][] {
  const fragments: MediaFrame[][] = [];
  for (const frame of frames)
    if (frame.isKey) fragments.push([frame]);
    else fragments.at(-1)?.push(frame);
  return fragments;
}

// Just enough of Matroska for what ffmpeg writes into a pipe: one track, no lacing.
const [SEGMENT, TRACKS, TRACK_ENTRY, CLUSTER, BLOCK_GROUP] = [0x18538067, 0x1654ae6b, 0xae, 0x1f43b675, 0xa0];
const [CODEC_ID, CODEC_PRIVATE, TIMECODE, SIMPLE_BLOCK, BLOCK, REFERENCE] = [0x86, 0x63a2, 0xe7, 0xa3, 0xa1, 0xfb];
const KEY_FRAME = 0x80;

function clusterFrames(cluster: Buffer, startMs: number): MediaFrame[] {
  const timecode = children(cluster, TIMECODE);
  const clusterMs = startMs + timecode.readUIntBE(0, timecode.length);
  return [...elements(cluster)].flatMap(({ id, content }) => {
    const block = id === BLOCK_GROUP ? children(content, BLOCK) : content;
    if (id !== BLOCK_GROUP && id !== SIMPLE_BLOCK) return [];
    const isKey =
      id === BLOCK_GROUP
        ? ![...elements(content)].some(({ id }) => id === REFERENCE)
        : (block.readUInt8(3) & KEY_FRAME) !== 0;
    return [{ timecodeMs: clusterMs + block.readInt16BE(1), isKey, data: block.subarray(4) }];
  });
}

function children(parent: Buffer, wanted: number): Buffer {
  return [...elements(parent)].find(({ id }) => id === wanted)?.content ?? Buffer.of();
}

function* elements(bytes: Buffer): Generator<{ id: number; content: Buffer }> {
  for (let at = 0; at < bytes.length;) {
    const idBytes = Math.clz32(bytes.readUInt8(at)) - 23;
    const id = bytes.readUIntBE(at, idBytes);
    const sizeBytes = Math.clz32(bytes.readUInt8(at + idBytes)) - 23;
    const start = at + idBytes + sizeBytes;
    const valueBits = BigInt(7 * sizeBytes);
    const size = BigInt.asUintN(7 * sizeBytes, BigInt(`0x${bytes.toString("hex", at + idBytes, start)}`));
    at = size === (1n << valueBits) - 1n ? bytes.length : start + Number(size); // all ones: to the end
    yield { id, content: bytes.subarray(start, at) };
  }
}
