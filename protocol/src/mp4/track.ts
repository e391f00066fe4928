import { parseAvcC } from "../h264/avc-configuration.js";
import type { LengthBytes } from "../h264/nal-units.js";
import { plausibleFrameRate } from "../h264/vui.js";
import { parseHvcC } from "../h265/hevc-configuration.js";
import { parseAudioSpecificConfig } from "./audio-specific-config.js";
import { Mp4Error, withMp4Errors } from "./mp4-error.js";
import { audioSampleEntry, videoSampleEntry } from "./sample-entry.js";

export type Mp4Track = VideoTrack | AudioTrack;

interface TrackBase {
  /** As playlists name it (RFC 6381): `avc1.64001f`, `hvc1.1.6.L93.B0`, `mp4a.40.2`. */
  readonly codec: string;
  /** Ticks in a millisecond; every time in the track is a whole number of ticks. */
  readonly ticksPerMs: number;
  /** A frame's usual duration, in ticks. */
  readonly frameTicks: number;
  /** The box in `stsd` that carries the decoder's configuration. */
  readonly sampleEntry: Buffer;
}

export interface VideoTrack extends TrackBase {
  readonly kind: "video";
  /** Pixels to be shown, before {@link pixelAspect}. */
  readonly width: number;
  readonly height: number;
  readonly pixelAspect: readonly [width: number, height: number];
  /** Frames per second, where the stream or its container says so. */
  readonly frameRate: number | undefined;
  readonly lengthBytes: LengthBytes;
  /** How many frames may precede a frame in decode order and follow it in presentation. */
  readonly reorderFrames: number;
}

export interface AudioTrack extends TrackBase {
  readonly kind: "audio";
  readonly channels: number;
  readonly sampleRateHz: number;
}

const VIDEO_TICKS_PER_MS = 90;
/** Where a stream names no frame rate. Too short a frame is harmless (docs/reference/fragmented-mp4.md, decode times). */
const FRAME_RATE_ASSUMED = 60;
const CODEC_PRIVATE_BYTES_MAX = 65_536;

/** What a Matroska track says of its codec. */
export interface TrackSource {
  /** `V_MPEG4/ISO/AVC`, `V_MPEGH/ISO/HEVC` or `A_AAC`. */
  readonly codecId: string;
  /** avcC, hvcC or AudioSpecificConfig. */
  readonly codecPrivate?: Uint8Array | undefined;
  /** Of one frame; taken where the video itself names no frame rate. */
  readonly defaultDurationNs?: number | undefined;
}

/** @throws {Mp4Error} `UnsupportedStreamMediaType`, `MissingCodecPrivateData` or `InvalidCodecPrivateData`. */
export function mp4Track({ codecId, codecPrivate, defaultDurationNs }: TrackSource): Mp4Track {
  const bytes = codecPrivate ?? new Uint8Array(0);
  const rate = plausibleFrameRate(1e9 / (defaultDurationNs ?? Number.NaN));
  if (bytes.length > CODEC_PRIVATE_BYTES_MAX)
    throw new Mp4Error("InvalidCodecPrivateData", `codec private data of ${bytes.length} bytes`);
  return withMp4Errors(() => {
    if (codecId === "V_MPEG4/ISO/AVC") return videoTrack("avc1", "avcC", parseAvcC(bytes), bytes, rate);
    if (codecId === "V_MPEGH/ISO/HEVC") return videoTrack("hvc1", "hvcC", parseHvcC(bytes), bytes, rate);
    if (codecId === "A_AAC") return audioTrack(bytes);
    throw new Mp4Error("UnsupportedStreamMediaType", `codec ${JSON.stringify(codecId.slice(0, 64))} is not played`);
  });
}

function videoTrack(
  entryType: "avc1" | "hvc1",
  configurationType: "avcC" | "hvcC",
  { codec, lengthBytes, sps }: Pick<ReturnType<typeof parseHvcC>, "codec" | "lengthBytes" | "sps">,
  codecPrivate: Uint8Array,
  containerFrameRate: number | undefined,
): VideoTrack {
  const { width, height, reorderFrames } = sps;
  const frameRate = sps.frameRate ?? containerFrameRate;
  const pixelAspect = sps.pixelAspect ?? [1, 1];
  return {
    kind: "video",
    codec,
    width,
    height,
    pixelAspect,
    frameRate,
    lengthBytes,
    reorderFrames,
    ticksPerMs: VIDEO_TICKS_PER_MS,
    frameTicks: Math.round((VIDEO_TICKS_PER_MS * 1000) / (frameRate ?? FRAME_RATE_ASSUMED)),
    sampleEntry: videoSampleEntry(entryType, { width, height, pixelAspect }, configurationType, codecPrivate),
  };
}

function audioTrack(codecPrivate: Uint8Array): AudioTrack {
  const { objectType, sampleRateHz, channels, frameSamples } = parseAudioSpecificConfig(codecPrivate);
  // The smallest timescale that counts milliseconds and samples alike: 48,000 at 48 kHz, 441,000 at 44.1 kHz.
  const ticksPerMs = sampleRateHz / greatestCommonDivisor(sampleRateHz, 1000);
  return {
    kind: "audio",
    channels,
    sampleRateHz,
    ticksPerMs,
    codec: `mp4a.40.${objectType}`,
    frameTicks: (frameSamples * ticksPerMs * 1000) / sampleRateHz,
    sampleEntry: audioSampleEntry({ sampleRateHz, channels }, codecPrivate),
  };
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}
