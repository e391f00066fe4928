import { expect, test } from "vitest";
import { nextExtendedId } from "./extended-id.js";

/** More than are drawn at once, and so many that no character is missing anywhere by chance. */
const COUNT = 2500;
const CHARACTERS = 96;

test("ids are 72 bytes as base64, each another, and random in all of them", () => {
  const ids = Array.from({ length: COUNT }, nextExtendedId);
  expect(ids.filter((id) => !/^[A-Za-z0-9+/]{96}$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(COUNT);
  for (let at = 0; at < CHARACTERS; at += 1) expect(new Set(ids.map((id) => id[at])).size).toBe(64);
});
