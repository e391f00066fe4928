import { ElementId } from "./element-id.js";
import {
  clusterHead,
  element,
  elementHead,
  floatElement,
  segmentHead,
  textElement,
  uintElement,
  vint,
} from "./element-writer.js";
import { END_OF_FRAGMENT_TAG, type MatroskaTag } from "./tag.js";
import type { MatroskaTrack } from "./track.js";

export type WrittenTrack = MatroskaTrack & { readonly type: "video" | "audio" };

export interface WrittenDocument {
  readonly tracks: readonly WrittenTrack[];
  /** The program that writes. */
  readonly writingApp: string;
  readonly title?: string;
  /** 16 bytes that no other stream has. */
  readonly segmentUid?: Uint8Array;
  /** Nanoseconds in one unit of timecodes; a millisecond where it is left out. */
  readonly timecodeScaleNs?: number;
}

/** EBML header, Segment of unknown size, Info and Tracks: what stands before the first Cluster. */
export function documentHeader(document: WrittenDocument): Buffer {
  const { tracks, writingApp, title, segmentUid, timecodeScaleNs = 1_000_000 } = document;
  return Buffer.concat([
    element(
      ElementId.ebml,
      uintElement(ElementId.ebmlVersion, 1),
      uintElement(ElementId.ebmlReadVersion, 1),
      uintElement(ElementId.ebmlMaxIdLength, 4),
      uintElement(ElementId.ebmlMaxSizeLength, 8),
      textElement(ElementId.docType, "matroska"),
      uintElement(ElementId.docTypeVersion, 2),
      uintElement(ElementId.docTypeReadVersion, 2),
    ),
    segmentHead,
    element(
      ElementId.info,
      ...(segmentUid === undefined ? [] : [element(ElementId.segmentUid, segmentUid)]),
      uintElement(ElementId.timecodeScale, timecodeScaleNs),
      ...(title === undefined ? [] : [textElement(ElementId.title, title)]),
      textElement(ElementId.muxingApp, writingApp),
      textElement(ElementId.writingApp, writingApp),
    ),
    element(ElementId.tracks, ...tracks.map(trackEntry)),
  ]);
}

const trackTypes = { video: 1, audio: 2 } as const;

function trackEntry(track: WrittenTrack): Buffer {
  const { codecPrivate, name, defaultDurationNs, video, audio } = track;
  return element(
    ElementId.trackEntry,
    uintElement(ElementId.trackNumber, track.number),
    uintElement(ElementId.trackUid, track.number),
    uintElement(ElementId.trackType, trackTypes[track.type]),
    uintElement(ElementId.flagLacing, 0),
    ...(defaultDurationNs === undefined ? [] : [uintElement(ElementId.defaultDuration, defaultDurationNs)]),
    ...(name === undefined ? [] : [textElement(ElementId.trackName, name)]),
    textElement(ElementId.language, track.language),
    textElement(ElementId.codecId, track.codecId),
    ...(codecPrivate === undefined ? [] : [element(ElementId.codecPrivate, codecPrivate)]),
    ...(video === undefined
      ? []
      : [
          element(
            ElementId.video,
            uintElement(ElementId.pixelWidth, video.width),
            uintElement(ElementId.pixelHeight, video.height),
          ),
        ]),
    ...(audio === undefined
      ? []
      : [
          element(
            ElementId.audio,
            floatElement(ElementId.samplingFrequency, audio.sampleRateHz),
            uintElement(ElementId.channels, audio.channels),
          ),
        ]),
  );
}

/**
 * The start of a Cluster of unknown size, with its timecode in 8 bytes and position 0, as the AWS producer SDK writes it.
 * @param timecode 0 to 2^64 - 1, in units of the document's timecode scale.
 */
export function clusterStart(timecode: bigint): Buffer {
  const timecodeBytes = Buffer.alloc(8);
  timecodeBytes.writeBigUInt64BE(timecode);
  return Buffer.concat([clusterHead, element(ElementId.timecode, timecodeBytes), uintElement(ElementId.position, 0)]);
}

export interface WrittenFrame {
  /** The number of its track. */
  readonly track: number;
  /** Units of timecode from the Cluster's, -32,768 to 32,767. */
  readonly relativeTimecode: number;
  readonly isKey: boolean;
  /** Not empty. */
  readonly data: Uint8Array;
}

/**
 * A frame as a SimpleBlock: what stands before the data, then the data itself, not copied.
 * @throws {RangeError} where the time is too far from the Cluster's.
 */
export function simpleBlock({ track, relativeTimecode, isKey, data }: WrittenFrame): [Buffer, Uint8Array] {
  const trackNumber = vint(track);
  const timecodeAndFlags = Buffer.alloc(3);
  timecodeAndFlags.writeInt16BE(relativeTimecode);
  timecodeAndFlags[2] = isKey ? 0x80 : 0;
  const size = trackNumber.length + timecodeAndFlags.length + data.length;
  return [Buffer.concat([elementHead(ElementId.simpleBlock, size), trackNumber, timecodeAndFlags]), data];
}

/** A Tags element. Behind a Cluster it belongs to that, before the first to the document. */
export function tagsElement(tags: readonly MatroskaTag[]): Buffer {
  return element(ElementId.tags, ...tags.map((tag) => element(ElementId.tag, simpleTag(tag))));
}

function simpleTag({ name, value }: MatroskaTag): Buffer {
  return element(
    ElementId.simpleTag,
    textElement(ElementId.tagName, name),
    typeof value === "string" ? textElement(ElementId.tagString, value) : element(ElementId.tagBinary, value),
  );
}

/** Says that the fragment of the Cluster before is complete. */
export function endOfFragment(): Buffer {
  return tagsElement([{ name: END_OF_FRAGMENT_TAG, value: "" }]);
}
