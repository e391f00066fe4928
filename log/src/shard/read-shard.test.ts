import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Damage, Disk, Log, ReadLimits } from "../api.js";
import { openLog } from "../open.js";
import { DiskOver } from "../testing/disk-over.js";
import { FaultDisk, ManualClock } from "../testing/index.js";
import { all, framesOf, openSmall, pathsOf, range, record, untilIdle } from "../testing/records.js";

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

/** Holds the first read of the log's frames, and opens no file for another before the first shard's are gone. */
class HeldRead extends DiskOver {
  goOn: () => void = () => undefined;
  readonly #held: Promise<void>;
  #noticeRemoved: () => void = () => undefined;
  readonly #removed: Promise<void>;
  #isOpened = false;

  constructor(below: Disk) {
    super(below);
    this.#held = new Promise((resolve) => (this.goOn = resolve));
    this.#removed = new Promise((resolve) => (this.#noticeRemoved = resolve));
  }

  override async open(path: string, mode: "read" | "write" | "create") {
    if (mode !== "read" || !/\.(journal|segment)$/.test(path)) return super.open(path, mode);
    if (this.#isOpened) await this.#removed;
    this.#isOpened = true;
    const file = await super.open(path, mode);
    return {
      ...file,
      read: async (buffer: Uint8Array, offset: number) => {
        await this.#held;
        return file.read(buffer, offset);
      },
    };
  }

  override async remove(path: string) {
    await super.remove(path);
    if (path.endsWith("/shards/0")) this.#noticeRemoved();
  }
}

test("a read of a shard that goes meanwhile ends with what it has, and blames no disk", async () => {
  const disk = new FaultDisk(3);
  const hold = new HeldRead(disk);
  const large = await openSmall(hold, { journals: 1, journalBytesMax: 2_500_000 });
  await large.createShards(["s"]);
  // More than is read at a time.
  for (let i = 0; i < 3; i++) await large.append("s", [{ data: Buffer.alloc(900_000) }]);
  await untilIdle(disk);
  expect(pathsOf(disk, ".segment")).toHaveLength(1);
  const reading = large.read("s", 0, all);
  const deletion = large.deleteShard("s");
  await untilIdle(disk);
  hold.goOn();
  expect((await reading).frames).toHaveLength(1);
  await deletion;
  await large.close();
});

test("a page holds little more than its frames, also of a shard whose frames lie far between others'", async () => {
  const disk = new FaultDisk(4);
  const shared = await openSmall(disk, { journals: 1, journalBytesMax: 10_000_000 });
  await shared.createShards(["a", "b"]);
  for (let i = 0; i < 200; i++) {
    await shared.append("a", [record(i)]);
    await shared.append("b", [{ data: Buffer.alloc(i % 3 === 0 ? 10 : 8000) }]);
  }
  const [path] = pathsOf(disk, ".journal");
  const hit = disk.bytesOf(path!).indexOf(record(77).data as Buffer) + 500;
  disk.flipBit(path!, hit * 8);
  let bytes = 0;
  const take = (wanted: number): Buffer => {
    bytes += wanted;
    return Buffer.alloc(wanted);
  };
  const { pieces, payloadBytes } = await shared.readPage("a", 0, all, { take });
  expect(bytes).toBeLessThan(2 * payloadBytes);
  const found = pieces.flatMap((piece) => range(0, piece.frames).map((i) => Number(piece.payload(i).toString())));
  expect(found).toEqual(range(0, 200).filter((i) => i !== 77));
  const [{ file, offset, bytes: damagedBytes }] = shared.damage() as [Damage];
  expect(file).toBe(path);
  expect([hit - 556, 1056]).toEqual([offset, damagedBytes]);
  await shared.close();
});
