import * as fc from "fast-check";
import { expect, test } from "vitest";
import { JsonStructure, MEMBERS_MAX, VALUES_MAX } from "./json-structure.js";

/** Members of objects; lists, objects and what stands in them behind another. */
function counted(value: unknown): readonly [members: number, values: number] {
  if (typeof value !== "object" || value === null) return [0, 0];
  const inside = Object.values(value).map(counted);
  const [members, values] = inside.reduce(([a, b], [c, d]) => [a + c, b + d] as const, [0, 0] as const);
  return [members + (Array.isArray(value) ? 0 : inside.length), values + 1 + Math.max(0, inside.length - 1)];
}

/** Whether a text has too much, looked through in parts that end anywhere. */
function isTooMuch(text: string, ends: readonly number[]): boolean {
  const bytes = Buffer.from(text);
  const structure = new JsonStructure(bytes);
  const places = ends.map((end) => end % bytes.length).sort((a, b) => a - b);
  return [...places, bytes.length].some((end) => structure.isTooMuchUpTo(end));
}

/** Names and texts hold whatever could be taken for structure. */
const anyValue = fc.jsonValue({
  stringUnit: fc.oneof(
    fc.constantFrom("\\", '"', "{", "}", "[", "]", ",", ":", `${"-".repeat(40)}",:`),
    fc.string({ maxLength: 1 }),
  ),
});
const anyEnds = fc.array(fc.nat(), { maxLength: 4 });

test("members are counted to the last that there may be", () =>
  fc.assert(
    fc.property(anyValue, anyEnds, (value, ends) => {
      const left = MEMBERS_MAX - counted(value)[0];
      const textOf = (members: number): string => `[${JSON.stringify(value)},{"":0${',"":0'.repeat(members - 1)}}]`;
      expect([isTooMuch(textOf(left), ends), isTooMuch(textOf(left + 1), ends)]).toEqual([false, true]);
    }),
    { numRuns: 60 },
  ));

test("and values", () =>
  fc.assert(
    fc.property(anyValue, anyEnds, (value, ends) => {
      const left = VALUES_MAX - 1 - counted(value)[1];
      const textOf = (values: number): string => `[${JSON.stringify(value)}${",0".repeat(values)}]`;
      expect([isTooMuch(textOf(left), ends), isTooMuch(textOf(left + 1), ends)]).toEqual([false, true]);
    }),
    { numRuns: 60 },
  ));

test.each(["", '"', '"a', '"\\\\', '"a\\\\"', "{", "   ", '{"a":'])(
  "what ends too early is not too much: %s",
  (text) => {
    expect(isTooMuch(text, [])).toBe(false);
  },
);
