import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Log, LogError, type LogErrorCode, type LogOptions, type ReadLimits } from "./api.js";
import { openLog } from "./open.js";
import { FaultDisk, ManualClock } from "./testing/index.js";

const startMs = 1_700_000_000_000;
const all: ReadLimits = { frames: 10_000, bytes: 100_000_000 };

let disk: FaultDisk;
let clock: ManualClock;
let log: Log;

async function open(options: Partial<LogOptions> = {}): Promise<Log> {
  return openLog({ directory: "/data", disk, clock, ...options });
}

beforeEach(async () => {
  disk = new FaultDisk(1);
  clock = new ManualClock(startMs);
  log = await open();
  await log.createShards(["s"]);
});
afterEach(() => log.close());

const framesOf = (...texts: string[]) => texts.map((text) => ({ data: Buffer.from(text) }));

async function texts(name = "s", position = 0, limits = all): Promise<string[]> {
  return (await log.read(name, position, limits)).frames.map(({ data }) => data.toString());
}

async function code(call: () => Promise<unknown>): Promise<LogErrorCode> {
  const error = await call().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LogError);
  return (error as LogError).code;
}

describe("append", () => {
  test("gives positions without gaps, in the order of concurrent calls, and keeps each call's frames together", async () => {
    const calls = Array.from({ length: 50 }, (_, i) => log.append("s", framesOf(`${i}a`, `${i}b`, `${i}c`)));
    expect((await Promise.all(calls)).map(({ position }) => position)).toEqual(calls.map((_, i) => i * 3));
    expect(await texts()).toEqual(calls.flatMap((_, i) => [`${i}a`, `${i}b`, `${i}c`]));
  });

  test("stores origin, arrival and payload as they came, also payloads in parts and of no bytes", async () => {
    const origin = {
      producer: "kamera-süd",
      spoolId: "0190a6b2-7c3d-7e4f-8a1b-0123456789ab",
      request: 2 ** 53 - 1,
      entry: 65_535,
    };
    const large = Buffer.alloc(100_000, 7);
    await log.append("s", [
      { origin, data: [Buffer.from("in "), Buffer.alloc(0), Buffer.from("parts")] },
      { data: Buffer.alloc(0) },
      { origin, data: [large.subarray(0, 33_333), large.subarray(33_333)] },
    ]);
    const { frames } = await log.read("s", 0, all);
    expect(frames).toEqual([
      { position: 0, arrivalMs: startMs, origin, data: Buffer.from("in parts") },
      { position: 1, arrivalMs: startMs, data: Buffer.alloc(0) },
      { position: 2, arrivalMs: startMs, origin, data: large },
    ]);
  });

  test("of no frames answers the next position and stores nothing", async () => {
    await log.append("s", framesOf("a"));
    expect(await log.append("s", [])).toMatchObject({ position: 1 });
    expect(log.bounds("s").next).toBe(1);
  });

  test("takes a frame of 16 MiB, and refuses a longer one without taking the others of its call", async () => {
    const longest = Buffer.alloc(16 * 1024 * 1024, 1);
    await log.append("s", [{ data: longest }]);
    const [frame] = (await log.read("s", 0, all)).frames;
    expect(frame?.data.equals(longest)).toBe(true);
    const tooLong = [longest, Buffer.alloc(1)];
    expect(await code(() => log.append("s", [...framesOf("a"), { data: tooLong }]))).toBe("frame-too-large");
    expect(await code(() => log.putState("s", Buffer.concat(tooLong)))).toBe("frame-too-large");
    expect(await log.append("s", framesOf("b"))).toMatchObject({ position: 1 });
  });

  test("is refused where too many bytes wait, and works again when they are synced", async () => {
    await log.close();
    log = await open({ pendingBytesMax: 10_000 });
    const frame = { data: Buffer.alloc(4000) };
    const waiting = [log.append("s", [frame]), log.append("s", [frame])];
    expect(log.stats().pendingBytes).toBeGreaterThan(8000);
    expect(await code(() => log.append("s", [frame]))).toBe("overloaded");
    expect(log.stats().failedAppends).toEqual({ overloaded: 1 });
    expect((await Promise.all(waiting)).map(({ position }) => position)).toEqual([0, 1]);
    expect(log.stats().pendingBytes).toBe(0);
    expect(await log.append("s", [frame])).toMatchObject({ position: 2 });
  });

  test("takes more than may wait in one call if nothing else waits", async () => {
    await log.close();
    log = await open({ pendingBytesMax: 10_000 });
    expect(await log.append("s", [{ data: Buffer.alloc(20_000) }])).toMatchObject({ position: 0 });
  });
});

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
      expect(found).toEqual(Array.from({ length: 300 }, (_, i) => i));
    }
  });
});

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
    expect(await texts()).toEqual(["c"]);
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

describe("shards", () => {
  test("are there after a restart, empty ones too, whatever their names", async () => {
    const names = ["x", "X", "../..", "a/b", "with space", "ü".repeat(512), "\u0000", "\ud800", "__proto__"];
    await log.createShards(names);
    for (const name of names.slice(1)) await log.append(name, framesOf(name));
    await log.close();
    log = await open();
    expect(log.shards().toSorted()).toEqual(["s", ...names].toSorted());
    for (const name of names.slice(1))
      expect(await texts(name)).toEqual(framesOf(name).map(({ data }) => data.toString()));
    expect(await texts("x")).toEqual([]);
  });

  test("have names of 1 to 512 characters", async () => {
    expect(await code(() => log.createShards([""]))).toBe("invalid-name");
    expect(await code(() => log.createShards(["fine", "a".repeat(513)]))).toBe("invalid-name");
    expect(log.shards()).toEqual(["s"]);
  });

  test("are made once, by whoever comes first", async () => {
    await log.append("s", framesOf("a"));
    await Promise.all([log.createShards(["s", "t", "t"]), log.createShards(["t"])]);
    expect(log.shards()).toEqual(["s", "t"]);
    expect(await texts()).toEqual(["a"]);
  });

  test("that were deleted are gone, and their names begin anew", async () => {
    await log.append("s", framesOf("old"));
    await log.putState("s", Buffer.from("old"));
    await log.deleteShard("s");
    expect(log.shards()).toEqual([]);
    expect(await code(() => log.read("s", 0, all))).toBe("no-such-shard");
    await log.createShards(["s"]);
    expect(await texts()).toEqual([]);
    expect(await log.getState("s")).toBeUndefined();
    expect(await log.append("s", framesOf("new"))).toMatchObject({ position: 0 });
    for (let restart = 0; restart < 2; restart++) {
      expect(await texts()).toEqual(["new"]);
      await log.close();
      log = await open();
    }
  });

  test("that are deleted while they are read end the read", async () => {
    await log.append("s", framesOf("a"));
    const reading = log.read("s", 0, all);
    await log.deleteShard("s");
    expect((await reading).frames.length).toBeLessThanOrEqual(1);
  });
});

describe("state", () => {
  test("is the one that was put last, covers what was appended before, and outlives restarts", async () => {
    expect(await log.getState("s")).toBeUndefined();
    await log.append("s", framesOf("a"));
    const putting = [
      log.putState("s", Buffer.from("first")),
      log.append("s", framesOf("b", "c")),
      log.putState("s", Buffer.from("second")),
      log.append("s", framesOf("d")),
    ];
    await Promise.all(putting);
    for (let restart = 0; restart < 3; restart++) {
      expect(await log.getState("s")).toEqual({ position: 3, state: Buffer.from("second") });
      expect(await texts()).toEqual(["a", "b", "c", "d"]);
      await log.close();
      log = await open();
    }
    await log.putState("s", Buffer.alloc(0));
    expect(await log.getState("s")).toEqual({ position: 4, state: Buffer.alloc(0) });
  });
});

test("every call on a shard that is not there says so", async () => {
  const calls = [
    () => log.append("t", framesOf("a")),
    () => log.putState("t", Buffer.alloc(1)),
    () => log.getState("t"),
    () => log.read("t", 0, all),
    () => log.grown("t", 0, new AbortController().signal),
    () => log.positionAtTime("t", 0),
    () => log.trimBefore("t", 0),
    () => log.trimOlderThan("t", 0),
    () => log.deleteShard("t"),
    async () => log.bounds("t"),
  ];
  for (const call of calls) expect(await code(call)).toBe("no-such-shard");
});

test("closing waits for what was appended before; later calls throw, closing again does not", async () => {
  const appended = log.append("s", framesOf("a"));
  const closed = log.close();
  const calls = [
    () => log.append("s", framesOf("b")),
    () => log.putState("s", Buffer.alloc(1)),
    () => log.getState("s"),
    () => log.read("s", 0, all),
    () => log.grown("s", 0, new AbortController().signal),
    () => log.positionAtTime("s", 0),
    () => log.trimBefore("s", 0),
    () => log.createShards(["t"]),
    () => log.deleteShard("s"),
    async () => log.bounds("s"),
  ];
  for (const call of calls) expect(await code(call)).toBe("closed");
  expect(await appended).toMatchObject({ position: 0 });
  await closed;
  await log.close();
  log = await open();
  expect(await texts()).toEqual(["a"]);
});

test("counts what it appends", async () => {
  await log.append("s", framesOf("abc", "de"));
  await log.append("s", framesOf("f"));
  expect(log.stats()).toMatchObject({ appendedFrames: 3, appendedBytes: 6, damageFound: 0, tornFound: 0 });
  expect(log.stats().diskBytes).toBeGreaterThan(3 * 56);
});
