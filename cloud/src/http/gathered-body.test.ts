import { hash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { GatheredBody } from "./gathered-body.js";

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
        expect(whole.bytes.equals(bytes)).toBe(true);
      },
    ),
  ));

test("more than was announced is no body", async () => {
  const body = new GatheredBody({ announced: 3, limits });
  for (const chunk of ["ab", "cd"]) body.push(Buffer.from(chunk));
  await expect(body.whole).rejects.toMatchObject({ code: "request-incomplete" });
});

/** A body of so many bytes, in chunks as a socket reads them. */
function bodyOf(bytes: Buffer): GatheredBody {
  const body = new GatheredBody({ announced: bytes.length, limits });
  for (let at = 0; at < bytes.length; at += 65_536) body.push(bytes.subarray(at, at + 65_536));
  body.end();
  return body;
}

test.each([
  ["of less than 256 KiB by the time it is whole", (256 << 10) - 1, true],
  ["of 256 KiB or more by another thread", 256 << 10, false],
])("a body %s is hashed", async (_, length, isHashed) => {
  const bytes = Buffer.alloc(length, "body");
  let isDone = false;
  const whole = bodyOf(bytes).whole.then((body) => {
    isDone = true;
    return body;
  });
  await new Promise((resolve) => process.nextTick(resolve));
  expect(isDone).toBe(isHashed);
  expect((await whole).sha256).toBe(hash("sha256", bytes));
});

test("of many large bodies at once, each has its own hash", async () => {
  const bodies = Array.from({ length: 20 }, (_, i) => Buffer.alloc((i % 5) * (3 << 20) + (256 << 10), `${i}`));
  const wholes = await Promise.all(bodies.map((bytes) => bodyOf(bytes).whole));
  expect(wholes.map(({ sha256 }) => sha256)).toEqual(bodies.map((bytes) => hash("sha256", bytes)));
});
