import { bytes, open, short, text, wide, type Bytes } from "./element-bytes.js";

/*
 * A stream as the AWS producer SDK sends it, made from what was seen on the wire: sizes of 8 bytes, Clusters of unknown
 * size, timecodes of 8 bytes, position 0, tags each in a Tags element of its own after their Cluster, no Cues.
 */

export const avcC = bytes("01 4d4029 ff e1 0004 674d4029 01 0004 68ee3c80");

export const ebmlHeader = short(
  "1a45dfa3",
  short("4286", "01"),
  short("42f7", "01"),
  short("42f2", "04"),
  short("42f3", "08"),
  short("4282", text("matroska")),
  short("4287", "02"),
  short("4285", "02"),
);

export const info = wide(
  "1549a966",
  wide("73a4", "000102030405060708090a0b0c0d0e0f"),
  wide("2ad7b1", "0f4240"),
  wide("7ba9", text("Kinesis Video SDK")),
  wide("4d80", text("Kinesis Video SDK 1.6.0")),
  wide("5741", text("Kinesis Video SDK 1.6.0 test")),
);

export const videoTrack = wide(
  "ae",
  short("d7", "01"),
  wide("73c5", 1n),
  short("83", "01"),
  wide("536e", text("kinesis_video")),
  wide("86", text("V_MPEG4/ISO/AVC")),
  wide("63a2", avcC),
  wide("e0", short("b0", "0500"), short("ba", "02d0")),
);

export const audioTrack = wide(
  "ae",
  short("d7", "02"),
  wide("73c5", 2n),
  short("83", "02"),
  wide("86", text("A_AAC")),
  wide("63a2", "1210"),
  wide("e1", wide("b5", "40e5888000000000"), short("9f", "02")),
);

export const tracks = wide("1654ae6b", videoTrack, audioTrack);

/** From the EBML header to the first Cluster. */
export const producerHeader = bytes(ebmlHeader, open("18538067", info, tracks));

export function cluster(timecode: bigint, ...content: readonly Bytes[]): Buffer {
  return open("1f43b675", wide("e7", timecode), short("a7", "00"), ...content);
}

/** @param relative int16 in hexadecimal; @param flags `80` for a key frame. */
export function block(track: string, relative: string, flags: string, data: Bytes): Buffer {
  return wide("a3", track, relative, flags, data);
}

export function tag(name: string, value: string): Buffer {
  return wide("1254c367", wide("7373", wide("67c8", wide("45a3", text(name)), wide("4487", text(value)))));
}

export const endOfFragmentTag = tag("AWS_KINESISVIDEO_END_OF_FRAGMENT", "");

/** Two fragments of two tracks; the second ends with the tag that says so. */
export const producerStream = bytes(
  producerHeader,
  cluster(
    1795188690051n,
    block("81", "0000", "80", "00000002 6588"),
    block("82", "0005", "80", "2110"),
    block("81", "0021", "00", "00000001 41"),
  ),
  tag("site", "hall 3"),
  tag("alarm", ""),
  cluster(1795188692051n, block("81", "0000", "80", "00000002 6589"), block("82", "fffe", "80", "2111")),
  endOfFragmentTag,
);
