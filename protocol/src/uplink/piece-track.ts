import { isUtf8 } from "node:buffer";
import type { WrittenTrack } from "../matroska/matroska-writer.js";
import { UplinkError } from "./uplink-error.js";

/*
 * One track of an init, as the first piece of a fragment carries it.
 *
 *     offset  size
 *      0      1   track number, 1 to 126
 *      1      1   type: 1 video, 2 audio
 *      2      1   flags: bit 0 codec private data; bit 1 name; bit 2 default duration; bit 3 picture size or sound format
 *      3      1   zero
 *      4      2   codec id, bytes
 *      6      2   language, bytes
 *      8      2   name, bytes
 *     10      2   zero
 *     12      4   codec private data, bytes
 *     16      8   default duration, ns
 *     24      8   video: width (4), height (4); audio: sample rate, Hz (float64)
 *     32      4   audio: channels
 *     36      .   codec id, language, name (UTF-8), codec private data
 *
 * What the flags say is not there is zero.
 */
const HEADER_BYTES = 36;
const HAS_CODEC_PRIVATE = 1;
const HAS_NAME = 2;
const HAS_DEFAULT_DURATION = 4;
const HAS_FORMAT = 8;
const types = { video: 1, audio: 2 } as const;

/** A one-byte Matroska number. */
const TRACK_NUMBER_MAX = 126;
const TEXT_BYTES_MAX = 0xffff;
export const CODEC_PRIVATE_BYTES_MAX = 64 * 1024;

/** @throws {UplinkError} `field-too-long`, or `malformed-piece` where a number cannot be said. */
export function encodeTrack(track: WrittenTrack): Buffer {
  const { number, type, codecId, codecPrivate, name, language, defaultDurationNs, video, audio } = track;
  const texts = [codecId, language, name ?? ""].map((text) => Buffer.from(text));
  if (texts.some(({ length }) => length > TEXT_BYTES_MAX) || (codecPrivate?.length ?? 0) > CODEC_PRIVATE_BYTES_MAX) {
    throw new UplinkError(
      "field-too-long",
      `a track's texts take at most 65,535 bytes each, its codec private data ${CODEC_PRIVATE_BYTES_MAX}`,
    );
  }
  const problem = problemOf(track);
  if (problem !== undefined) throw new UplinkError("malformed-piece", problem);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(number, 0);
  header.writeUInt8(types[type], 1);
  header.writeUInt8(
    (codecPrivate === undefined ? 0 : HAS_CODEC_PRIVATE) |
      (name === undefined ? 0 : HAS_NAME) |
      (defaultDurationNs === undefined ? 0 : HAS_DEFAULT_DURATION) |
      (video === undefined && audio === undefined ? 0 : HAS_FORMAT),
    2,
  );
  for (const [i, { length }] of texts.entries()) header.writeUInt16LE(length, 4 + 2 * i);
  header.writeUInt32LE(codecPrivate?.length ?? 0, 12);
  header.writeBigUInt64LE(BigInt(defaultDurationNs ?? 0), 16);
  if (video !== undefined) {
    header.writeUInt32LE(video.width, 24);
    header.writeUInt32LE(video.height, 28);
  }
  if (audio !== undefined) {
    header.writeDoubleLE(audio.sampleRateHz, 24);
    header.writeUInt32LE(audio.channels, 32);
  }
  return Buffer.concat([header, ...texts, codecPrivate ?? Buffer.of()]);
}

/**
 * Decodes the track that begins at `at`; its codec private data is a view into `bytes`.
 * @throws {UplinkError} `malformed-piece`.
 */
export function decodeTrack(bytes: Buffer, at: number): { readonly track: WrittenTrack; readonly end: number } {
  if (at + HEADER_BYTES > bytes.length) throw malformed("a track runs past the piece's end");
  const header = bytes.subarray(at, at + HEADER_BYTES);
  const codecIdEnd = at + HEADER_BYTES + header.readUInt16LE(4);
  const languageEnd = codecIdEnd + header.readUInt16LE(6);
  const nameEnd = languageEnd + header.readUInt16LE(8);
  const end = nameEnd + header.readUInt32LE(12);
  if (end > bytes.length) throw malformed("a track runs past the piece's end");
  const text = (from: number, to: number): string => {
    if (!isUtf8(bytes.subarray(from, to))) throw malformed("a track's text is not UTF-8");
    return bytes.toString("utf8", from, to);
  };
  const has = (flag: number): boolean => (header.readUInt8(2) & flag) !== 0;
  const type = header.readUInt8(1) === types.video ? "video" : "audio";
  const track: WrittenTrack = {
    number: header.readUInt8(0),
    type,
    codecId: text(at + HEADER_BYTES, codecIdEnd),
    language: text(codecIdEnd, languageEnd),
    ...(has(HAS_CODEC_PRIVATE) ? { codecPrivate: bytes.subarray(nameEnd, end) } : {}),
    ...(has(HAS_NAME) ? { name: text(languageEnd, nameEnd) } : {}),
    ...(has(HAS_DEFAULT_DURATION) ? { defaultDurationNs: Number(header.readBigUInt64LE(16)) } : {}),
    ...(!has(HAS_FORMAT)
      ? {}
      : type === "video"
        ? { video: { width: header.readUInt32LE(24), height: header.readUInt32LE(28) } }
        : { audio: { sampleRateHz: header.readDoubleLE(24), channels: header.readUInt32LE(32) } }),
  };
  const problem = problemOf(track);
  if (problem !== undefined) throw malformed(problem);
  // A track comes once a fragment and is small: to encode it again is the shortest way to refuse every other spelling.
  if (end - nameEnd > CODEC_PRIVATE_BYTES_MAX || !encodeTrack(track).equals(bytes.subarray(at, end)))
    throw malformed("a track with unknown flags or stray bytes");
  return { track, end };
}

function problemOf({ number, type, codecId, defaultDurationNs = 0, video, audio }: WrittenTrack): string | undefined {
  if (!(Number.isInteger(number) && number >= 1 && number <= TRACK_NUMBER_MAX)) return `track number ${number}`;
  if (codecId === "") return "a track without a codec";
  if (!(Number.isSafeInteger(defaultDurationNs) && defaultDurationNs >= 0)) return "a track's default duration";
  if ((type === "video" ? audio : video) !== undefined) return `the other type's format in a track of type ${type}`;
  if (audio !== undefined && !(Number.isFinite(audio.sampleRateHz) && audio.sampleRateHz > 0)) return "a sample rate";
  const numbers = [video?.width ?? 0, video?.height ?? 0, audio?.channels ?? 0];
  if (!numbers.every((value) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff))
    return "a track's format";
  return undefined;
}

function malformed(message: string): UplinkError {
  return new UplinkError("malformed-piece", message);
}
