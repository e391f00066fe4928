import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Log } from "../api.js";
import { openLog } from "../open.js";
import { FaultDisk, ManualClock } from "../testing/index.js";
import { all, framesOf } from "../testing/records.js";

const startMs = 1_700_000_000_000;

let disk: FaultDisk;
let clock: ManualClock;
let log: Log;

const open = () => openLog({ directory: "/data", disk, clock });

beforeEach(async () => {
  disk = new FaultDisk(1);
  clock = new ManualClock(startMs);
  log = await open();
  await log.createShards(["s"]);
});
afterEach(() => log.close());

describe("bounds and times", () => {
  test("bounds tell positions, payload bytes and arrivals, before and after a trim and a restart", async () => {
    expect(log.bounds("s")).toEqual({
      first: 0,
      next: 0,
      bytes: 0,
      oldestArrivalMs: undefined,
      lastArrivalMs: undefined,
    });
    await log.append("s", framesOf("aa"));
    clock.advance(10);
    await log.append("s", framesOf("bb", "cc"));
    const before = { first: 0, next: 3, bytes: 6, oldestArrivalMs: startMs, lastArrivalMs: startMs + 10 };
    expect(log.bounds("s")).toEqual(before);
    await log.close();
    log = await open();
    expect(log.bounds("s")).toEqual(before);
    await log.trimBefore("s", 1);
    expect(log.bounds("s")).toMatchObject({ first: 1, next: 3, bytes: 4 });
    await log.trimBefore("s", 3);
    expect(log.bounds("s")).toEqual({
      first: 3,
      next: 3,
      bytes: 0,
      oldestArrivalMs: undefined,
      lastArrivalMs: undefined,
    });
  });

  test("a trim beyond the end forgets what is there, and nothing that comes", async () => {
    await log.append("s", framesOf("a", "b"));
    await log.trimBefore("s", 1000);
    await log.append("s", framesOf("c"));
    expect((await log.read("s", 0, all)).frames.map(({ position }) => position)).toEqual([2]);
    await log.trimBefore("s", 1);
    expect(log.bounds("s").first).toBe(2);
  });

  test("arrival does not fall when the clock does, nor after a restart", async () => {
    const arrivals = [await log.append("s", framesOf("a"))];
    clock.advance(-5000);
    arrivals.push(await log.append("s", framesOf("b")));
    await log.close();
    log = await open();
    arrivals.push(await log.append("s", framesOf("c")));
    clock.advance(6000);
    arrivals.push(await log.append("s", framesOf("d")));
    expect(arrivals.map(({ arrivalMs }) => arrivalMs - startMs)).toEqual([0, 0, 0, 1000]);
    expect((await log.read("s", 0, all)).frames.map(({ arrivalMs }) => arrivalMs - startMs)).toEqual([0, 0, 0, 1000]);
  });

  test("a time's position is that of the first frame that arrived at it or later", async () => {
    expect(await log.positionAtTime("s", startMs)).toBe(0);
    // Adjacent frames share an entry of the index, so the times within it are read.
    for (const wait of [0, 10, 0, 10, 1000]) {
      clock.advance(wait);
      await log.append("s", framesOf("a", "b"));
    }
    const expected: [number, number][] = [
      [-1, 0],
      [0, 0],
      [1, 2],
      [10, 2],
      [10.5, 6],
      [11, 6],
      [20, 6],
      [21, 8],
      [1020, 8],
      [1021, 10],
    ];
    const check = async () => {
      for (const [afterMs, position] of expected)
        expect([afterMs, await log.positionAtTime("s", startMs + afterMs)]).toEqual([afterMs, position]);
    };
    await check();
    await log.close();
    log = await open();
    await check();
    await log.trimBefore("s", 7);
    expect(await log.positionAtTime("s", startMs)).toBe(7);
    await log.trimOlderThan("s", startMs + 500);
    expect(log.bounds("s").first).toBe(8);
    await log.trimOlderThan("s", startMs + 5000);
    expect(log.bounds("s").first).toBe(10);
  });

  test("a time's position is the first of all frames that arrived in that millisecond, also in several reads", async () => {
    const large = { data: Buffer.alloc(70_000) };
    await log.append("s", framesOf("before"));
    clock.advance(10);
    for (let i = 0; i < 3; i++) await log.append("s", [large]);
    expect(await log.positionAtTime("s", startMs + 10)).toBe(1);
    expect(await log.positionAtTime("s", startMs + 9)).toBe(1);
    expect(await log.positionAtTime("s", startMs + 11)).toBe(4);
  });
});

/** Whether the promise is settled once everything that can happen has happened. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settled = () => void (isSettled = true);
  promise.then(settled, settled);
  await log.createShards(["unrelated"]); // many operations of the disk go by
  return isSettled;
}

describe("grown", () => {
  const never = new AbortController().signal;

  test("resolves at once where the frame is there", async () => {
    await log.append("s", framesOf("a", "b"));
    await log.grown("s", 0, never);
    await log.grown("s", 1, never);
    expect(await settles(log.grown("s", 2, AbortSignal.timeout(60_000)))).toBe(false);
  });

  test("wakes those whose frame came, and only those", async () => {
    const first = log.grown("s", 0, never);
    const third = log.grown("s", 2, never);
    await log.append("s", framesOf("a", "b"));
    await first;
    expect(await settles(third)).toBe(false);
    await log.append("s", framesOf("c"));
    await third;
  });

  test("waits for the next frame where the position is trimmed", async () => {
    await log.append("s", framesOf("a"));
    await log.trimBefore("s", 1);
    const waiting = log.grown("s", 0, never);
    expect(await settles(waiting)).toBe(false);
    await log.append("s", framesOf("b"));
    await waiting;
  });

  test("rejects with the signal's reason, also where it was aborted before", async () => {
    const controller = new AbortController();
    const waiting = log.grown("s", 0, controller.signal);
    controller.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(log.grown("s", 0, controller.signal)).rejects.toThrow("gone");
    await log.append("s", framesOf("a")); // nobody is woken twice
  });

  test("ends for all who wait when the shard is deleted, and when the log is closed", async () => {
    await log.createShards(["other"]);
    const waiting = [log.grown("s", 0, never), log.grown("s", 5, never)];
    const other = log.grown("other", 0, never);
    await log.deleteShard("s");
    await Promise.all(waiting);
    expect(await settles(other)).toBe(false);
    await log.close();
    await other;
    log = await open();
  });
});
