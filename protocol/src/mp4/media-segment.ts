import { hasWholeNalUnits } from "../h264/nal-units.js";
import { box, fullBox, uint32 } from "./box.js";
import { TRACK_ID } from "./init-segment.js";
import { Mp4Error } from "./mp4-error.js";
import { sampleClock, type SampleTime } from "./sample-times.js";
import type { Mp4Track } from "./track.js";

/** One frame as Matroska carries it. */
export interface MediaFrame {
  /** When it is shown, in milliseconds from where the stream's time begins. */
  readonly timecodeMs: number;
  /** Decodes alone. */
  readonly isKey: boolean;
  /** Video: NAL units, each behind its length. Audio: one raw AAC frame. */
  readonly data: Uint8Array;
}

/** What is to be written: the frames of a fragment, or some that follow each other in one (a part). */
export interface MediaSegmentInput {
  readonly track: Mp4Track;
  /** Rises from one segment or part of a playlist to the next; the low 32 bits are written. */
  readonly sequence: number;
  /** In decode order, all of {@link track}: 1 to 65,536. */
  readonly frames: readonly MediaFrame[];
  /** Times of the fragment's frames before these, in decode order; empty for a whole fragment and a first part. */
  readonly precedingMs?: readonly number[];
  /**
   * The frame that follows in decode order. Where it is unknown the fragment is taken to end here, and the next to begin
   * one frame after the last shown; a frame being as long as the two that are shown last are apart.
   */
  readonly next?: { readonly timecodeMs: number; readonly startsFragment: boolean } | undefined;
  /**
   * Whether reordered pictures are decoded before the fragment begins; the default. Without, a fragment is decoded from its own
   * start, for players that take its first decode time for that.
   */
  readonly hasLeadIn?: boolean;
}

export interface MediaSegment {
  /** The segment in order. Frames are views of the given data, not copies. */
  readonly buffers: readonly Buffer[];
  /** Of all buffers together. */
  readonly byteLength: number;
  /** Of all samples together, in milliseconds: EXTINF of a segment, DURATION of a part. */
  readonly durationMs: number;
}

const FRAMES_MAX = 65_536;
/** In the year 2286; times stay exact in every timescale. */
const TIMECODE_MS_MAX = 1e13;

/**
 * Writes a media segment: `styp`, `moof`, `mdat`. Parts of a fragment hold the same samples with the same times as the
 * fragment in one segment, as long as each is given the frame that follows it.
 * @throws {Mp4Error} `InvalidMediaFrame`.
 */
export function mediaSegment(input: MediaSegmentInput): MediaSegment {
  const { track, sequence, frames, precedingMs = [], next, hasLeadIn } = input;
  if (frames.length === 0 || frames.length > FRAMES_MAX || precedingMs.length > FRAMES_MAX)
    throw invalid(`${frames.length} frames after ${precedingMs.length}: 1 to ${FRAMES_MAX} make a segment`);
  const ticks = (timecodeMs: number): number => ticksOf(track, timecodeMs);
  const clock = sampleClock(track, hasLeadIn);
  for (const timecodeMs of precedingMs) clock.next(ticks(timecodeMs));
  const times = frames.map(({ timecodeMs }) => clock.next(ticks(timecodeMs)));
  const endTicks =
    next?.startsFragment === false
      ? clock.next(ticks(next.timecodeMs)).decode
      : clock.end(next === undefined ? undefined : ticks(next.timecodeMs));
  for (const [i, { data }] of frames.entries()) checkData(track, data, i);

  const dataBytes = frames.reduce((sum, { data }) => sum + data.length, 8);
  if (dataBytes > 0xffff_ffff) throw invalid(`${dataBytes} bytes of frames`);
  const head = Buffer.concat([
    SEGMENT_TYPE,
    movieFragment(track, sequence, frames, times, endTicks),
    uint32(dataBytes),
    Buffer.from("mdat", "latin1"),
  ]);
  return {
    buffers: [head, ...frames.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))],
    byteLength: head.length - 8 + dataBytes,
    durationMs: (endTicks - (times[0]?.decode ?? 0)) / track.ticksPerMs,
  };
}

const SEGMENT_TYPE = box("styp", Buffer.from("msdh\0\0\0\0msdhiso6", "latin1"));
const BASE_IS_MOOF = 0x02_0000;
const DEFAULT_FLAGS = 0x20;
const SYNC_SAMPLE = 0x0200_0000; // depends on no other
const DEPENDENT_SAMPLE = 0x0101_0000; // depends on others, is no sync sample
const [DATA_OFFSET, DURATIONS, SIZES, FLAGS, COMPOSITION_OFFSETS] = [0x1, 0x100, 0x200, 0x400, 0x800] as const;
const SIGNED_OFFSETS = 1;

function movieFragment(
  track: Mp4Track,
  sequence: number,
  frames: readonly MediaFrame[],
  times: readonly SampleTime[],
  endTicks: number,
): Buffer {
  const isVideo = track.kind === "video";
  const samples = Buffer.allocUnsafe(frames.length * (isVideo ? 16 : 8));
  let at = 0;
  for (const [i, { decode, presentation }] of times.entries()) {
    const { isKey = false, data } = frames[i] ?? {};
    const duration = (times[i + 1]?.decode ?? endTicks) - decode;
    at = samples.writeUInt32BE(Math.min(duration, 0xffff_ffff), at);
    at = samples.writeUInt32BE(data?.length ?? 0, at);
    if (!isVideo) continue;
    const offset = presentation - decode;
    if (Math.abs(offset) > 0x7fff_ffff) throw invalid(`frame ${i} is shown hours from where it is decoded`);
    at = samples.writeUInt32BE(isKey ? SYNC_SAMPLE : DEPENDENT_SAMPLE, at);
    at = samples.writeInt32BE(offset, at);
  }
  const decodeTime = Buffer.alloc(8);
  decodeTime.writeBigUInt64BE(BigInt(times[0]?.decode ?? 0));
  const fields = DATA_OFFSET | DURATIONS | SIZES | (isVideo ? FLAGS | COMPOSITION_OFFSETS : 0);
  const header = isVideo
    ? fullBox("tfhd", 0, BASE_IS_MOOF, uint32(TRACK_ID))
    : fullBox("tfhd", 0, BASE_IS_MOOF | DEFAULT_FLAGS, uint32(TRACK_ID, SYNC_SAMPLE));
  const moof = box(
    "moof",
    fullBox("mfhd", 0, 0, uint32(sequence % 0x1_0000_0000)),
    box(
      "traf",
      header,
      fullBox("tfdt", 1, 0, decodeTime),
      fullBox("trun", SIGNED_OFFSETS, fields, uint32(frames.length, 0), samples),
    ),
  );
  // The run is the fragment's last box, and the data begins behind the header of the box that follows.
  moof.writeUInt32BE(moof.length + 8, moof.length - samples.length - 4);
  return moof;
}

function ticksOf(track: Mp4Track, timecodeMs: number): number {
  if (!(timecodeMs >= 0 && timecodeMs <= TIMECODE_MS_MAX)) throw invalid(`a frame at ${timecodeMs} ms`);
  return Math.round(timecodeMs * track.ticksPerMs);
}

function checkData(track: Mp4Track, data: Uint8Array, index: number): void {
  if (track.kind === "video" ? !hasWholeNalUnits(data, track.lengthBytes) : data.length === 0)
    throw invalid(`frame ${index} of ${data.length} bytes is not whole`);
}

function invalid(message: string): Mp4Error {
  return new Mp4Error("InvalidMediaFrame", message);
}
