import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openIterator, sealIterator, type ShardIterator, TokenSealer } from "./sealed-token.js";

const sealer = new TokenSealer(Buffer.alloc(32, 7));
const LIFE_MS = 300_000;

const iterator: fc.Arbitrary<ShardIterator> = fc.record({
  streamName: fc.stringMatching(/^[a-zA-Z0-9_.-]{1,128}$/),
  streamId: fc.uuid(),
  shardNumber: fc.nat(20_000),
  position: fc.maxSafeNat(),
  createdMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
});

test("an iterator comes back as it was, within AWS's 512 characters", () =>
  fc.assert(
    fc.property(iterator, (given) => {
      const token = sealIterator(sealer, given);
      expect(token.length).toBeLessThanOrEqual(512);
      // As long as AWS's, and with the same start.
      expect(Buffer.from(token, "base64")).toHaveLength(
        152 + (given.streamName.length + 2) - ((given.streamName.length + 2) % 16),
      );
      expect(token).toMatch(/^AAAAAAAAAAE|^AAAAAAAAAAF/);
      expect(openIterator(sealer, token, given.createdMs + LIFE_MS, LIFE_MS)).toEqual(given);
    }),
  ));

test("after five minutes it has expired, in AWS's words", () => {
  const token = sealIterator(sealer, { streamName: "s", streamId: "i", shardNumber: 0, position: 0, createdMs: 0 });
  expect(() => openIterator(sealer, token, LIFE_MS + 1, LIFE_MS)).toThrow(
    "Iterator expired. The iterator was created at time Thu Jan 01 00:00:00 UTC 1970 while right now it is " +
      "Thu Jan 01 00:05:00 UTC 1970 which is further in the future than the tolerated delay of 300000 milliseconds.",
  );
});

test("nobody but the holder of the key makes one", () =>
  fc.assert(
    fc.property(iterator, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
      const token = sealIterator(sealer, given);
      const bytes = Buffer.from(token, "base64");
      const place = at % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ flip;
      for (const forged of [
        bytes.toString("base64"),
        token.slice(1),
        `${token} `,
        sealIterator(new TokenSealer(Buffer.alloc(32)), given),
      ]) {
        expect(() => openIterator(sealer, forged, given.createdMs, LIFE_MS)).toThrow("Invalid ShardIterator.");
      }
    }),
  ));

test("any text is refused, and so is a token made for something else", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (token) => {
      expect(sealer.open("shard-iterator", token)).toBeUndefined();
    }),
  );
  expect(sealer.open("list-streams", sealer.seal("list-shards", [1]))).toBeUndefined();
});
