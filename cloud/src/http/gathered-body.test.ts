import { hash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stillHeld } from "../testing/collect-garbage.js";
import { clientGone, GatheredBody } from "./gathered-body.js";

const limits = { bytesMax: 16 << 20, idleMs: 30_000, totalMs: 600_000 };

test("a body is the same in whatever chunks it comes, and keeps none of several: each would hold hundreds of bytes for its one", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 200 }),
      fc.boolean(),
      async (chunks, isAnnounced) => {
        const bytes = Buffer.concat(chunks);
        const body = new GatheredBody({ announced: isAnnounced ? bytes.length : 0, limits });
        const sent = chunks.map((chunk) => Buffer.from(chunk));
        for (const chunk of sent) body.push(chunk);
        for (const chunk of sent) if (chunk.length < bytes.length) chunk.fill(0xff); // as if its memory were used again
        body.end();
        const whole = await body.whole;
        expect(whole.sha256).toBe(hash("sha256", bytes));
        expect(whole.bytes.whole().equals(bytes)).toBe(true);
      },
    ),
  ));

test("more than was announced is no body", async () => {
  const body = new GatheredBody({ announced: 3, limits });
  for (const chunk of ["ab", "cd"]) body.push(Buffer.from(chunk));
  await expect(body.whole).rejects.toMatchObject({ code: "request-incomplete" });
});

test("a body that failed is held no longer, though its failure is still to be told", async () => {
  const body = new GatheredBody({ announced: 200_000, limits });
  const refs = [1, 2, 3].map((byte) => {
    const chunk = Buffer.from(new ArrayBuffer(65_536)).fill(byte);
    body.push(chunk);
    return new WeakRef(chunk.buffer);
  });
  body.fail(clientGone());
  await expect(body.whole).rejects.toMatchObject({ code: "request-incomplete" });
  expect(await stillHeld(refs)).toEqual([]);
  body.push(Buffer.from("nobody reads this"));
});

test("a body of any length has its hash, however it comes to it", async () => {
  for (const length of [65_536, 262_143, 262_144, 3_000_000]) {
    const bytes = Buffer.alloc(length, "body");
    const body = new GatheredBody({ announced: length, limits });
    for (let at = 0; at < length; at += 65_536) body.push(bytes.subarray(at, at + 65_536));
    body.end();
    expect((await body.whole).sha256).toBe(hash("sha256", bytes));
  }
});
