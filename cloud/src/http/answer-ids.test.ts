import { expect, test } from "vitest";
import { nextExtendedId } from "./extended-id.js";
import { nextRequestId } from "./request-id.js";

/** More than are drawn at once, and so many that no character is missing anywhere by chance. */
const COUNT = 2500;

test("request ids are UUIDs of version 4, each another, and random in all other bits", () => {
  const ids = Array.from({ length: COUNT }, nextRequestId);
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(ids.filter((id) => !form.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(COUNT);
  expectAllCharacters(ids, 36, (at) => ([8, 13, 18, 23, 14].includes(at) ? 1 : at === 19 ? 4 : 16));
});

test("extended ids are 72 bytes as base64, each another, and random in all of them", () => {
  const ids = Array.from({ length: COUNT }, nextExtendedId);
  expect(ids.filter((id) => !/^[A-Za-z0-9+/]{96}$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(COUNT);
  expectAllCharacters(ids, 96, () => 64);
});

/** At each place all characters that may stand there do so in some id. */
function expectAllCharacters(ids: readonly string[], length: number, count: (at: number) => number): void {
  for (let at = 0; at < length; at += 1) expect(new Set(ids.map((id) => id[at])).size).toBe(count(at));
}
