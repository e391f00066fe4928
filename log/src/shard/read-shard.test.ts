import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Log, ReadLimits } from "../api.js";
import { openLog } from "../open.js";
import { FaultDisk, ManualClock } from "../testing/index.js";
import { all, framesOf, range } from "../testing/records.js";

let log: Log;

beforeEach(async () => {
  log = await openLog({ directory: "/data", disk: new FaultDisk(1), clock: new ManualClock() });
  await log.createShards(["s"]);
});
afterEach(() => log.close());

/** What a read finds, in one text, and where it goes on. */
async function read(position: number, limits: ReadLimits): Promise<[string, number]> {
  const { frames, next } = await log.read("s", position, limits);
  return [frames.map(({ data }) => data.toString()).join(), next];
}

describe("read", () => {
  beforeEach(() => log.append("s", framesOf("a", "bb", "ccc", "dddd", "eeeee")));

  test("stops at the number of frames", async () => {
    expect(await read(0, { frames: 2, bytes: 1000 })).toEqual(["a,bb", 2]);
    expect(await read(2, { frames: 2, bytes: 1000 })).toEqual(["ccc,dddd", 4]);
    expect(await read(4, { frames: 2, bytes: 1000 })).toEqual(["eeeee", 5]);
  });

  test("stops before the frame that would exceed the bytes", async () => {
    expect(await read(0, { frames: 100, bytes: 6 })).toEqual(["a,bb,ccc", 3]);
    expect(await read(0, { frames: 100, bytes: 7 })).toEqual(["a,bb,ccc", 3]);
    expect(await read(0, { frames: 100, bytes: 10 })).toEqual(["a,bb,ccc,dddd", 4]);
  });

  test("returns one frame even if it alone is larger", async () => {
    expect(await read(4, { frames: 1, bytes: 1 })).toEqual(["eeeee", 5]);
    expect(await read(3, { frames: 100, bytes: 0 })).toEqual(["dddd", 4]);
  });

  test("finds nothing at the end, nor beyond it", async () => {
    expect(await read(5, all)).toEqual(["", 5]);
    expect(await read(100, all)).toEqual(["", 100]);
  });

  test("goes on at the first position that is left", async () => {
    await log.trimBefore("s", 3);
    expect(await read(0, { frames: 1, bytes: 1000 })).toEqual(["dddd", 4]);
    await log.trimBefore("s", 5);
    expect(await read(0, all)).toEqual(["", 5]);
  });

  test("pages through frames of many appends, also between those of other shards", async () => {
    await log.createShards(["many", "other"]);
    for (let i = 0; i < 300; i++)
      await Promise.all([
        log.append("many", [{ data: Buffer.from(`${i}`.padEnd(i * 7)) }]),
        log.append("other", framesOf("o")),
      ]);
    for (const limits of [
      { frames: 7, bytes: 1_000_000 },
      { frames: 1000, bytes: 5000 },
    ]) {
      const found: number[] = [];
      for (let position = 0; position < 300;) {
        const { frames, next } = await log.read("many", position, limits);
        expect(frames.length).toBeGreaterThan(0);
        for (const frame of frames) found.push(Number(frame.data.toString()));
        position = next;
      }
      expect(found).toEqual(range(0, 300));
    }
  });
});
