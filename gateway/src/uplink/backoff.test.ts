import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffs, delayMs } from "./backoff.js";

test("waits grow up to the most and are spread over half of it", () => {
  const backoff = fc.constantFrom(...Object.values(backoffs));
  fc.assert(
    fc.property(backoff, fc.nat(10_000), fc.double({ min: 0, max: 1, noNaN: true }), (backoff, attempt, random) => {
      const ms = delayMs(backoff, attempt, random);
      expect(ms).toBeGreaterThanOrEqual(backoff.firstMs / 2);
      expect(ms).toBeLessThanOrEqual(backoff.mostMs);
      expect(delayMs(backoff, attempt + 1, random)).toBeGreaterThanOrEqual(ms);
    }),
  );
});
