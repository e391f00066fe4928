import { createHash } from "node:crypto";

/*
 * PutMedia bodies as the AWS producer SDK writes them, byte by byte from what is known of its output: sizes in 8 bytes,
 * Segment and Clusters of unknown size, timecodes in 8 bytes, an end-of-fragment tag in an element of its own. None of
 * this uses the code under test.
 */
const UNKNOWN_SIZE = Buffer.from("01ffffffffffffff", "hex");

function element(id: string, ...content: readonly Uint8Array[]): Buffer {
  const data = Buffer.concat(content);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE((1n << 56n) | BigInt(data.length));
  return Buffer.concat([Buffer.from(id, "hex"), size, data]);
}

function uint(value: number, bytes = 8): Buffer {
  const data = Buffer.alloc(8);
  data.writeBigUInt64BE(BigInt(value));
  return data.subarray(8 - bytes);
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

const AVCC = "0142c01effe1000467640000010004abcdef01";

/** EBML header, Segment, Info and Tracks: one H.264 track. */
export function sdkHeader(): Buffer {
  return Buffer.concat([
    element(
      "1a45dfa3",
      element("4286", uint(1, 1)),
      element("42f7", uint(1, 1)),
      element("42f2", uint(4, 1)),
      element("42f3", uint(8, 1)),
      element("4282", text("matroska")),
      element("4287", uint(2, 1)),
      element("4285", uint(2, 1)),
    ),
    Buffer.from("18538067", "hex"),
    UNKNOWN_SIZE,
    element(
      "1549a966",
      element("73a4", Buffer.alloc(16, 7)),
      element("2ad7b1", uint(1_000_000, 4)),
      element("7ba9", text("Kinesis Video SDK")),
      element("4d80", text("Kinesis Video SDK")),
      element("5741", text("Kinesis Video SDK")),
    ),
    element(
      "1654ae6b",
      element(
        "ae",
        element("d7", uint(1, 1)),
        element("73c5", uint(1)),
        element("83", uint(1, 1)),
        element("536e", text("kinesis_video")),
        element("86", text("V_MPEG4/ISO/AVC")),
        element("63a2", Buffer.from(AVCC, "hex")),
        element("e0", element("b0", uint(640, 2)), element("ba", uint(480, 2))),
      ),
    ),
  ]);
}

export interface SdkFragment {
  readonly timecodeMs: number;
  /** Ten frames, 100 ms apart, no two alike. */
  readonly frames: readonly Buffer[];
  readonly bytes: Buffer;
}

/** One Cluster; `seed` makes its frames' bytes. */
export function sdkFragment(timecodeMs: number, seed: string, frameBytes = 3000): SdkFragment {
  const frames = Array.from({ length: 10 }, (_, i) => {
    const digest = createHash("sha256").update(`${seed}/${timecodeMs}/${i}`).digest();
    return Buffer.alloc(frameBytes + i, digest);
  });
  const blocks = frames.map((data, i) => {
    const head = Buffer.from([0x81, 0, 0, i === 0 ? 0x80 : 0]);
    head.writeInt16BE(i * 100, 1);
    return element("a3", head, data);
  });
  const bytes = Buffer.concat([
    Buffer.from("1f43b675", "hex"),
    UNKNOWN_SIZE,
    element("e7", uint(timecodeMs)),
    element("a7", uint(0)),
    ...blocks,
  ]);
  return { timecodeMs, frames, bytes };
}

export function sdkTag(name: string, value: string): Buffer {
  const simple = element("67c8", element("45a3", Buffer.from(name)), element("4487", Buffer.from(value)));
  return element("1254c367", element("7373", simple));
}

export const endOfFragment = sdkTag("AWS_KINESISVIDEO_END_OF_FRAGMENT", "");
