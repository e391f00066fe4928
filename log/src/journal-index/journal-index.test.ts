import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Disk, DiskFile } from "../api.js";
import { openLog } from "../open.js";
import { FrameIndex } from "../shard/frame-index.js";
import { partOf } from "../shard/part.js";
import { Shard } from "../shard/shard.js";
import { DiskOver } from "../testing/disk-over.js";
import { FaultDisk, ManualClock } from "../testing/index.js";
import { fill, numbers, openSmall, pathsOf, range, record, untilIdle } from "../testing/records.js";
import { decodeCheckpoint } from "./checkpoint.js";
import { JournalIndexWriter } from "./journal-index-writer.js";
import { type JournalContent, readJournalIndex } from "./read-journal-index.js";

const journalPath = "/data/0000000007.journal";
const path = "/data/0000000007.index";
const fileId = { low: 0xfedcba98, high: 1 };
const links = [{ fileId: { low: 1, high: 0xffffffff }, sealedBytes: 2 ** 33 }];

const appends = fc.array(
  fc.record({ shard: fc.nat(3), count: fc.integer({ min: 1, max: 50 }), bytes: fc.nat(9000), isState: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

/** Writes the sidecar of a journal that takes one batch after the other. Answers what it held at each checkpoint. */
async function written(
  disk: FaultDisk,
  batches: readonly (typeof appends extends fc.Arbitrary<infer T> ? T : never)[],
) {
  await disk.makeDirectory("/data");
  const log = { fileId, fileNumber: 7, path: journalPath, isSegment: false, bytes: 0 };
  const writer = new JournalIndexWriter({ disk, report: () => undefined }, log);
  const shards = range(0, 4).map((number) => new Shard(`shard ${number}`, number));
  const parts = new Map(shards.map((shard) => [shard, partOf(log, new FrameIndex())]));
  const states = new Map<number, JournalContent["states"] extends Map<number, infer T> ? T : never>();
  const contents: JournalContent[] = [];
  let last: number | undefined;
  for (const [i, batch] of batches.entries()) {
    const put = [];
    for (const { shard, count, bytes, isState } of batch) {
      const offset = log.bytes;
      const end = offset + 8 * Math.ceil((56 * count + bytes) / 8);
      log.bytes = end;
      const { index } = parts.get(shards[shard]!)!;
      if (isState) {
        const state = { shard, number: i + 1, position: index.next, offset, end };
        states.set(shard, state);
        put.push(state);
      } else {
        const arrivalMs = 1_700_000_000_000 + offset;
        index.add({ position: index.next, count, arrivalMs, offset, end, payloadBytes: bytes }, last === shard);
      }
      last = isState ? undefined : shard;
    }
    const kept = new Map([...parts].filter(([, { index }]) => index.runs > 0));
    await writer.write({ batch: i + 1, links, parts: kept, states: put });
    const indexes = new Map([...kept].map(([{ number }, { index }]) => [number, structuredClone(index)]));
    contents.push({ coveredBytes: log.bytes, batch: i + 1, links, indexes, states: new Map(states) });
  }
  return { contents, journalBytes: log.bytes };
}

/** Plain, for comparison. */
const plain = (content: JournalContent | undefined) => content && structuredClone(content);

test("a journal's sidecar says what the journal held at its last checkpoint, and is no other journal's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(appends, { minLength: 1, maxLength: 6 }), async (batches) => {
      const disk = new FaultDisk(1);
      const { contents, journalBytes } = await written(disk, batches);
      expect(plain(await readJournalIndex(disk, path, fileId, journalBytes))).toEqual(plain(contents.at(-1)));
      expect(await readJournalIndex(disk, path, { low: 1, high: 1 }, journalBytes)).toBeUndefined();
      // A journal that is shorter than its sidecar says has lost what comes behind.
      const shorter = plain(await readJournalIndex(disk, path, fileId, journalBytes - 8));
      expect(shorter).toEqual(plain(contents.at(-2)));
    }),
  );
});

test("of a sidecar that is cut, or has any other byte, the checkpoints before count", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(appends, { minLength: 2, maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.integer({ min: -1, max: 255 }),
      async (batches, share, byte) => {
        const disk = new FaultDisk(1);
        const { contents, journalBytes } = await written(disk, batches);
        const bytes = disk.bytesOf(path);
        const at = Math.floor(bytes.length * share);
        fc.pre(byte !== bytes[at]);
        const harmed = byte < 0 ? bytes.subarray(0, at) : Buffer.from(bytes);
        if (byte >= 0) harmed[at] = byte;
        await disk.remove(path);
        await (await disk.open(path, "create")).write([harmed], 0);
        const found = plain(await readJournalIndex(disk, path, fileId, journalBytes));
        expect([undefined, ...contents.slice(0, -1).map(plain)]).toContainEqual(found);
      },
    ),
  );
});

test("a checkpoint that calls itself shorter than any is none, though its checksum holds", () => {
  const bytes = Buffer.alloc(64);
  bytes.write("HDWCKP\r\n", "latin1");
  for (const [at, value] of [
    [8, 1],
    [16, fileId.low],
    [20, fileId.high],
  ] as const)
    bytes.writeUInt32LE(value, at);
  for (let length = 0; length < 80; length++) {
    bytes.writeUInt32LE(length, 28);
    bytes.writeUInt32LE(crc32(bytes.subarray(16, length)), 12);
    expect(decodeCheckpoint(bytes, fileId, 0)).toBeUndefined();
  }
});

test("a checkpoint that would span more time than it can say ends the sidecar", async () => {
  const disk = new FaultDisk(1);
  await disk.makeDirectory("/data");
  const log = { fileId, fileNumber: 7, path: journalPath, isSegment: false, bytes: 0 };
  const writer = new JournalIndexWriter({ disk, report: () => undefined }, log);
  const part = partOf(log, new FrameIndex());
  const parts = new Map([[new Shard("slow", 3), part]]);
  const arrivals = [5, 6, 7, 7 + 2 ** 32, 8 + 2 ** 32, 9 + 2 ** 32];
  for (const [position, arrivalMs] of arrivals.entries()) {
    const offset = log.bytes;
    log.bytes += 64;
    part.index.add({ position, count: 1, arrivalMs, offset, end: log.bytes, payloadBytes: 8 }, false);
    if (position % 2 === 1) await writer.write({ batch: position, links, parts, states: [] });
  }
  const found = await readJournalIndex(disk, path, fileId, log.bytes);
  expect(found).toMatchObject({ coveredBytes: 128, batch: 1 });
  expect(found?.indexes.get(3)).toMatchObject({ positions: [0, 1], arrivals: [5, 6], next: 2 });
});

/** Counts what is read of journals. */
class CountedReads extends DiskOver {
  journalBytes = 0;

  override async open(opened: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const file = await super.open(opened, mode);
    if (!opened.endsWith(".journal")) return file;
    const read = async (buffer: Uint8Array, offset: number) => {
      const bytes = await file.read(buffer, offset);
      this.journalBytes += bytes;
      return bytes;
    };
    return { ...file, read };
  }
}

const sizes = { journals: 1, journalBytesMax: 1_600_000 };

const open = (disk: Disk) => openLog({ directory: "/data", disk, clock: new ManualClock(), ...sizes });

/** A journal of a million bytes, which is not full. */
async function killedOrClosed(isClosed: boolean): Promise<FaultDisk> {
  const disk = new FaultDisk(3);
  const log = await open(disk);
  await log.createShards(["a", "b"]);
  for (const name of ["a", "b"]) await log.putState(name, Buffer.from(`state of ${name}`));
  for (let i = 0; i < 450; i++) for (const name of ["a", "b"]) await log.append(name, [record(i)]);
  if (isClosed) await log.close();
  return disk.afterKill();
}

test.each([
  { how: "killed", coveredBytesMin: 1_000_000 - 1_600_000 / 8 - 70_000 },
  { how: "closed", coveredBytesMin: 1_000_000 - 70_000 },
])("a start reads of a journal of a log that was $how what the last checkpoint does not cover", async (given) => {
  const disk = await killedOrClosed(given.how === "closed");
  const counted = new CountedReads(disk);
  // Settling would read it as a whole.
  disk.plan = ({ kind, path: created }) => (kind === "create" && created.includes("/shards/") ? "EIO" : undefined);
  const log = await open(counted);
  const [journal] = pathsOf(disk, ".journal");
  expect(disk.files().get(journal!)! - counted.journalBytes).toBeGreaterThan(given.coveredBytesMin);
  for (const name of ["a", "b"]) {
    expect(await numbers(log, name)).toEqual(range(0, 450));
    expect((await log.getState(name))?.state.toString()).toBe(`state of ${name}`);
  }
  expect(log.damage()).toEqual([]);
  await log.close();

  for (const index of pathsOf(disk, ".index")) await disk.remove(index);
  const scanning = new CountedReads(disk.afterKill());
  await (await open(scanning)).close();
  expect(scanning.journalBytes).toBeGreaterThan(1_000_000);
});

test("damage in what a checkpoint covers is found by who reads it, costs its frame, and is still there when settled", async () => {
  const disk = await killedOrClosed(true);
  const [journal] = pathsOf(disk, ".journal");
  const at = disk.bytesOf(journal!).indexOf(record(200).data as Buffer);
  disk.flipBit(journal!, (at + 500) * 8);
  const log = await open(disk);
  await untilIdle(disk);
  expect(pathsOf(disk, ".journal")).toEqual([]);
  expect(await numbers(log, "a")).toEqual(range(0, 450).filter((i) => i !== 200));
  expect(await numbers(log, "b")).toEqual(range(0, 450));
  expect(log.damage()).toMatchObject([{ kind: "damaged", shard: "a" }]);
  expect(log.bounds("a").next).toBe(450);
  await log.close();
});

test("a sidecar goes with its journal; one whose journal is gone is removed by the next start", async () => {
  const disk = new FaultDisk(4);
  const log = await openSmall(disk);
  await log.createShards(["a", "b"]);
  for (let i = 0; i < 5; i++) for (const name of ["a", "b"]) await fill(log, name, i * 20, (i + 1) * 20);
  await untilIdle(disk);
  await log.close();
  const journals = (suffix: string) => pathsOf(disk, suffix).filter((name) => name.startsWith("/data/journals/"));
  expect(journals(".index")).toEqual(journals(".journal").map((name) => name.replace(".journal", ".index")));
  const orphan = "/data/journals/0000000999.index";
  await disk.open(orphan, "create");
  await (await openSmall(disk)).close();
  expect(pathsOf(disk, ".index")).not.toContain(orphan);
});

test("a sidecar that is left over and cannot be removed keeps no log from opening", async () => {
  const disk = await killedOrClosed(true);
  const stray = "/data/journals/0000000999.index";
  await (await disk.open(stray, "create")).write([Buffer.from("stray")], 0);
  disk.plan = ({ kind, path: at }) => (kind === "remove" && at === stray ? "EIO" : undefined);
  const log = await open(disk);
  expect(await numbers(log, "a")).toEqual(range(0, 450));
  await log.close();
});

test("a sidecar that cannot be written costs nothing but the scan", async () => {
  const disk = new FaultDisk(5);
  let writes = 0;
  disk.plan = ({ kind, path: at }) =>
    kind === "write" && /journals\/.*index$/.test(at) && ++writes % 2 === 0 ? "short-write" : undefined;
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  await fill(log, "s", 0, 100);
  await log.close();
  expect(writes).toBeGreaterThan(5);
  const next = disk.afterKill();
  const reopened = await openSmall(next);
  expect(await numbers(reopened, "s")).toEqual(range(0, 100));
  expect(reopened.damage()).toEqual([]);
  await reopened.close();
});
