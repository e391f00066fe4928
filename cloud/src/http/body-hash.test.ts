import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { BodyBytes } from "./body-bytes.js";
import { BodyHash } from "./body-hash.js";

test.each([
  ["as it comes", false],
  ["by another thread when it is whole", true],
])("a body is hashed %s", async (_, isApart) => {
  const bytes = Buffer.alloc(1 << 20, "body");
  const bodyHash = new BodyHash(isApart);
  for (let at = 0; at < bytes.length; at += 65_536) bodyHash.update(bytes.subarray(at, at + 65_536));
  const digest = bodyHash.digest(new BodyBytes([bytes]));
  expect(typeof digest).toBe(isApart ? "object" : "string");
  expect(await digest).toBe(hash("sha256", bytes));
});

test("of many large bodies at once, more than may be copied, each has its own", async () => {
  const bodies = Array.from({ length: 20 }, (_, i) => Buffer.alloc((i % 5) * (4 << 20), `${i}`));
  const digests = await Promise.all(
    bodies.map(async (bytes) => await new BodyHash(true).digest(new BodyBytes([bytes]))),
  );
  expect(digests).toEqual(bodies.map((bytes) => hash("sha256", bytes)));
});
