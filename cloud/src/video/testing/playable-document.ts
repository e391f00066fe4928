import { simpleBlock, type WrittenTrack } from "@headwater/protocol/matroska";
import { AUDIO, cluster, header, type TestFrame, VIDEO } from "./producer-document.js";

/** H.264 Baseline, 10x10 macroblocks. */
export const PICTURE: WrittenTrack = {
  ...VIDEO,
  codecPrivate: Buffer.from("0142c01fffe100096742c01fda01405b2001000468ce3c80", "hex"),
  defaultDurationNs: 200_000_000,
};

/** The header of a document that players can be given. */
export function playableHeader({ hasAudio = false, video = PICTURE } = {}): Buffer {
  return header(hasAudio ? [video, AUDIO] : [video]);
}

/** One second in five pictures; with sound, an AAC frame beside each. The data of all differ. */
export function playableFragment(timecode: number, { hasAudio = false, durationMs = 1000, pictures = 5 } = {}): Buffer {
  const frames = [0, 1, 2, 3, 4].slice(0, pictures).flatMap((i): TestFrame[] => {
    const at = (i * durationMs) / 5;
    const picture = { at, isKey: i === 0, data: pictureData(timecode, i) };
    return hasAudio ? [picture, { at, isKey: true, track: 2, data: soundData(timecode, i) }] : [picture];
  });
  return cluster(timecode, frames);
}

/** More pictures of a fragment that was sent in part. */
export function morePictures(timecode: number, from: number, to: number): Buffer {
  const blocks: Uint8Array[] = [];
  for (let i = from; i < to; i++) {
    blocks.push(...simpleBlock({ track: 1, isKey: false, relativeTimecode: i * 200, data: pictureData(timecode, i) }));
  }
  return Buffer.concat(blocks);
}

/** A NAL unit behind its length. */
export function pictureData(timecode: number, i: number): Buffer {
  const unit = Buffer.concat([Buffer.of(i === 0 ? 0x65 : 0x41), Buffer.from(`picture ${timecode}/${i}`)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return Buffer.concat([length, unit]);
}

export function soundData(timecode: number, i: number): Buffer {
  return Buffer.from(`sound ${timecode}/${i}`);
}
