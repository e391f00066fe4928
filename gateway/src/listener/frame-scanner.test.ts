import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { expect, test } from "vitest";
import { type FrameHeader, FrameScanner } from "./frame-scanner.js";

/** Everything that a scan of the chunks finds, and how many packets end. */
function scanAll(chunks: readonly Uint8Array[]): { headers: FrameHeader[]; ends: number; isMalformed: boolean } {
  const scanner = new FrameScanner();
  const headers: FrameHeader[] = [];
  let ends = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const step = scanner.scan(chunk, at);
      expect(step.to).toBeGreaterThan(at);
      at = step.to;
      if (step.isMalformed) return { headers, ends, isMalformed: true };
      if (step.header !== undefined) headers.push(step.header);
      if (step.isEnd) ends++;
    }
  }
  return { headers, ends, isMalformed: false };
}

const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.constant<Packet>({ cmd: "pingreq" }),
  fc.constant<Packet>({ cmd: "disconnect" }),
  fc.nat(40_000).map((bytes): Packet => ({
    cmd: "publish",
    topic: "t",
    payload: Buffer.alloc(bytes, 0xff),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  })),
);

test("any packets, cut anywhere, are found with their lengths", () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 8 }), fc.array(fc.nat(50_000), { maxLength: 20 }), (packets, cuts) => {
      const frames = packets.map((packet) => generate(packet));
      const bytes = Buffer.concat(frames);
      const bounds = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = bounds.slice(1).map((end, i) => bytes.subarray(bounds[i], end));
      const found = scanAll(chunks);
      expect(found.headers).toEqual(frames.map((frame) => ({ type: (frame[0] ?? 0) >> 4, bytes: frame.length })));
      expect(found.ends).toBe(frames.length);
    }),
  );
});

test("the largest length is read from its four bytes, before any byte of the body", () => {
  const { headers, ends } = scanAll([Buffer.from("32ffffff7f", "hex")]);
  expect(headers).toEqual([{ type: 3, bytes: 5 + 268_435_455 }]);
  expect(ends).toBe(0);
});

test("a length of five bytes is malformed, however it is cut", () => {
  expect(scanAll([Buffer.from("32ffffffff01", "hex")]).isMalformed).toBe(true);
  expect(scanAll(["32", "ff", "ff", "ff", "ff"].map((hex) => Buffer.from(hex, "hex"))).isMalformed).toBe(true);
});
