import { createHash, createHmac } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sha256Hex } from "./canonical-request.js";
import { SigningKey } from "./signing-key.js";

const key = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const date = fc.constantFrom("20261121T235959Z", "20261122T000000Z", "20261122T000001Z");
const sha256 = fc.nat().map((seed) => createHash("sha256").update(String(seed)).digest("hex"));

test("a key signs as HMAC-SHA-256 does, whatever it has signed before", () => {
  const signings = fc.array(fc.record({ date, sha256 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(key, fc.string({ unit: "binary", maxLength: 40 }), signings, (bytes, scope, requests) => {
      const signing = new SigningKey(bytes, scope);
      const expected = requests.map((request) => {
        const text = `AWS4-HMAC-SHA256\n${request.date}\n${scope}\n${request.sha256}`;
        return createHmac("sha256", bytes).update(text, "utf8").digest("hex");
      });
      expect(requests.map((request) => signing.sign(request.date, request.sha256))).toEqual(expected);
    }),
  );
});

test("text of any length is hashed byte for character", () => {
  for (const length of [0, 1, 4095, 4096, 4097, 40_000]) {
    const bytes = Buffer.from(Uint8Array.from({ length }, (_, i) => i * 7));
    expect(sha256Hex(bytes.toString("latin1"))).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});
