import {
  clusterStart,
  documentHeader,
  endOfFragment,
  type MatroskaTag,
  simpleBlock,
  tagsElement,
  type WrittenTrack,
} from "@headwater/protocol/matroska";

export const VIDEO: WrittenTrack = {
  number: 1,
  type: "video",
  codecId: "V_MPEG4/ISO/AVC",
  codecPrivate: Buffer.from("0142c01effe100", "hex"),
  language: "eng",
  video: { width: 320, height: 240 },
};
export const AUDIO: WrittenTrack = {
  number: 2,
  type: "audio",
  codecId: "A_AAC",
  codecPrivate: Buffer.from("1190", "hex"),
  language: "eng",
  audio: { sampleRateHz: 48_000, channels: 2 },
};

export function header(tracks: readonly WrittenTrack[] = [VIDEO], timecodeScaleNs = 1_000_000): Buffer {
  return documentHeader({ tracks, writingApp: "test", timecodeScaleNs });
}

/** One frame of a Cluster: its time from the Cluster's, its data as text. */
export interface TestFrame {
  readonly at: number;
  readonly data: string | Buffer;
  readonly isKey?: boolean;
  readonly track?: number;
}

export function cluster(timecode: number, frames: readonly TestFrame[], tags: readonly MatroskaTag[] = []): Buffer {
  return Buffer.concat([
    clusterStart(BigInt(timecode)),
    ...frames.flatMap(({ at, data, isKey = false, track = 1 }) =>
      simpleBlock({ track, isKey, relativeTimecode: at, data: Buffer.from(data) }),
    ),
    ...tags.map((tag) => tagsElement([tag])),
  ]);
}

/** A fragment of one second in five pictures, which name it. */
export function fragment(timecode: number, { name = String(timecode), ends = false, bytes = 0 } = {}): Buffer {
  const frames = [0, 200, 400, 600, 800].map((at) => ({
    at,
    isKey: at === 0,
    data: Buffer.concat([Buffer.from(`${name}/${at}`), Buffer.alloc(bytes)]),
  }));
  return Buffer.concat([cluster(timecode, frames), ...(ends ? [endOfFragment()] : [])]);
}
