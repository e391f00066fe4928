import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { RequestTurns } from "./request-turns.js";

/** What began in each turn, until nothing more does. */
async function turns(began: string[]): Promise<string[][]> {
  const seen: string[][] = [];
  for (let from = 0; from < began.length;) {
    seen.push(began.slice(from));
    from = began.length;
    await setImmediate();
  }
  return seen;
}

test("what is little begins at once, turn after turn", async () => {
  const requests = new RequestTurns();
  const began: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < 64; i++) requests.begin({}, () => began.push(turn));
    expect(began).toHaveLength(64 * (turn + 1));
    await setImmediate();
  }
});

test("a thousand of one connection begin in their order, 64 in a turn, and another's comes between", async () => {
  const requests = new RequestTurns();
  const [flood, other] = [{}, {}];
  const began: string[] = [];
  for (let i = 0; i < 1000; i++) requests.begin(flood, () => began.push(String(i)));
  for (const name of ["a", "b"]) requests.begin(other, () => began.push(name));
  const seen = await turns(began);
  expect(seen.map(({ length }) => length)).toEqual([...Array<number>(15).fill(64), 1002 - 15 * 64]);
  expect(seen[1]?.slice(0, 5)).toEqual(["64", "a", "65", "b", "66"]);
  expect(began.filter((name) => /\d/.test(name))).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
});

test("what comes while others wait does not overtake those of its own connection", async () => {
  const requests = new RequestTurns();
  const connection = {};
  const began: number[] = [];
  for (let i = 0; i < 100; i++) requests.begin(connection, () => began.push(i));
  await setImmediate();
  for (let i = 100; i < 300; i++) requests.begin(connection, () => began.push(i));
  while (began.length < 300) await setImmediate();
  expect(began).toEqual(Array.from({ length: 300 }, (_, i) => i));
});
