import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Log, LogError, type LogErrorCode, type LogOptions } from "./api.js";
import { openLog } from "./open.js";
import { FaultDisk, ManualClock } from "./testing/index.js";
import { appendPacked } from "./testing/packed.js";
import { all, framesOf } from "./testing/records.js";

const startMs = 1_700_000_000_000;

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
  test("of packed frames is one of all: in order with the others, refused as they are, and of long payloads too", async () => {
    const long = "x".repeat(20_000);
    const packs = [["a", "", long], ["b"], []].map((texts) =>
      appendPacked(
        log,
        "s",
        texts.map((text) => Buffer.from(text)),
      ),
    );
    expect(await Promise.all([...packs, log.append("s", framesOf("c"))])).toEqual(
      [0, 3, 4, 4].map((position) => ({ position, arrivalMs: startMs })),
    );
    expect(await texts()).toEqual(["a", "", long, "b", "c"]);
    expect(await code(() => appendPacked(log, "none", [Buffer.from("d")]))).toBe("no-such-shard");
    expect(await code(() => appendPacked(log, "s", [Buffer.alloc(2 ** 24 + 1)]))).toBe("frame-too-large");
  });

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
      { origin, data: [Buffer.from("in "), Buffer.from(new ArrayBuffer(0)), Buffer.from("parts")] },
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
