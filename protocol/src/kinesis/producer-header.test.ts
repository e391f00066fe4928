import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatProducerHeader, parseProducerHeader } from "./producer-header.js";

test("what was written reads back the same", () =>
  fc.assert(
    fc.property(
      fc.record({
        producer: fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
        spoolId: fc.uuid(),
        request: fc.maxSafeNat(),
      }),
      (given) => {
        expect(parseProducerHeader(formatProducerHeader(given))).toEqual(given);
      },
    ),
  ));

const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
test.each([
  "",
  `gateway/${uuid}`,
  `gateway/${uuid}/`,
  `gateway/${uuid}/-1`,
  `gateway/${uuid}/1.5`,
  `gateway/${uuid}/9007199254740992`,
  `gateway/${uuid.toUpperCase()}/1`,
  `gate way/${uuid}/1`,
  `/${uuid}/1`,
  `gateway/${uuid}/1/2`,
  `gateway/${uuid}/1\n`,
])("%j is malformed", (text) => {
  expect(parseProducerHeader(text)).toBeUndefined();
});
