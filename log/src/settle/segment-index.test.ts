import fc from "fast-check";
import { expect, test } from "vitest";
import type { Disk } from "../api.js";
import { fileIdHex } from "../format/file-header.js";
import { openLog } from "../open.js";
import { FrameIndex } from "../shard/frame-index.js";
import { FaultDisk, ManualClock } from "../testing/index.js";
import { fill, numbers, openSmall, pathsOf, range, record, untilIdle } from "../testing/records.js";
import { type SegmentContent, decodeSegmentIndex, encodeSegmentIndex, indexEntries } from "./segment-index.js";

const ids = range(1, 6).map((low) => ({ low: 0xfedcba98 + low, high: 1 }));

const contents: fc.Arbitrary<SegmentContent> = fc.record({
  coveredBytes: fc.maxSafeNat(),
  index: fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.nat(2000), fc.boolean())).map((appends) => {
    const index = new FrameIndex();
    let offset = 40;
    for (const [count, payloadBytes, adjacent] of appends) {
      const end = offset + payloadBytes + 56 * count;
      index.add({ position: index.next, count, arrivalMs: offset, offset, end, payloadBytes }, adjacent);
      offset = end;
    }
    return index;
  }),
  state: fc.option(
    fc.record({
      offset: fc.maxSafeNat(),
      bytes: fc.maxSafeNat(),
      position: fc.maxSafeNat(),
      number: fc.maxSafeNat(),
    }),
    { nil: undefined },
  ),
});

/** What a sidecar says, by file id. */
const said = (sidecar: Buffer) =>
  new Map([...indexEntries(sidecar)].map((entry) => [entry.fileIdHex, decodeSegmentIndex(entry)]));

const several = fc.array(contents, { minLength: 1, maxLength: 5 });
const encoded = (list: readonly SegmentContent[]) => list.map((content, i) => encodeSegmentIndex(ids[i]!, content));

test("a sidecar says of each segment what was written", () => {
  fc.assert(
    fc.property(several, (list) => {
      expect(said(Buffer.concat(encoded(list)))).toEqual(
        new Map(list.map((content, i) => [fileIdHex(ids[i]!), content])),
      );
    }),
  );
});

test("an entry that is cut, or has any other bit, is none", () => {
  const index = new FrameIndex();
  index.add({ position: 3, count: 2, arrivalMs: 5, offset: 40, end: 200, payloadBytes: 40 }, false);
  const bytes = encodeSegmentIndex(ids[0]!, { coveredBytes: 200, index, state: undefined });
  expect(said(bytes).size).toBe(1);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    expect(said(bytes).size).toBe(0);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  for (let length = 0; length < bytes.length; length++) expect(said(bytes.subarray(0, length)).size).toBe(0);
});

test("damage to a sidecar costs the entries that it hit", () => {
  const harms = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 50 }),
  });
  fc.assert(
    fc.property(several, harms, (list, harm) => {
      const parts = encoded(list);
      const sidecar = Buffer.concat(parts);
      const at = Math.floor(sidecar.length * harm.at);
      Buffer.from(harm.bytes).copy(sidecar, at);
      const found = said(sidecar);
      const ends = parts.map((_, i) => Buffer.concat(parts.slice(0, i + 1)).length);
      const spared = list.flatMap((content, i) => {
        const isHit = at < ends[i]! && at + harm.bytes.length > ends[i]! - parts[i]!.length;
        return isHit ? [] : [[fileIdHex(ids[i]!), content] as const];
      });
      for (const [id, content] of spared) expect(found.get(id)).toEqual(content);
      for (const [id, content] of found) expect(content).toEqual(list[ids.findIndex((one) => fileIdHex(one) === id)]);
    }),
  );
});

const clock = new ManualClock();
const sizes = { journalBytesMax: 50_000, journals: 1 };
const frame = { data: Buffer.alloc(1000, 1) };

/** A log whose frames all lie in segments: a further start has settled what the close broke off. */
async function filled(): Promise<FaultDisk> {
  const disk = new FaultDisk(2);
  const log = await openLog({ directory: "/data", disk, clock, ...sizes });
  await log.createShards(["a", "b"]);
  for (let i = 0; i < 300; i++) for (const name of ["a", "b"]) await log.append(name, [frame]);
  await log.close();
  // Not after a power cut: that may lose sidecars.
  const next = disk.afterKill();
  const settling = await openLog({ directory: "/data", disk: next, clock, ...sizes });
  await untilIdle(next);
  await settling.close();
  return next.afterKill();
}

/** Opens the log, and answers how many bytes of segments that took. */
async function bytesReadByOpening(disk: FaultDisk): Promise<number> {
  let bytes = 0;
  const counting: Disk = {
    open: async (opened, mode) => {
      const file = await disk.open(opened, mode);
      if (!opened.endsWith(".segment")) return file;
      return {
        ...file,
        read: async (buffer, offset) => {
          const read = await file.read(buffer, offset);
          bytes += read;
          return read;
        },
      };
    },
    makeDirectory: (directory) => disk.makeDirectory(directory),
    list: (directory) => disk.list(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (removed) => disk.remove(removed),
    syncDirectory: (directory) => disk.syncDirectory(directory),
  };
  const log = await openLog({ directory: "/data", disk: counting, clock, ...sizes });
  const opening = bytes;
  for (const name of ["a", "b"]) {
    expect(log.bounds(name)).toMatchObject({ first: 0, next: 300, bytes: 300_000 });
    const found = await log.read(name, 0, { frames: 1000, bytes: 1_000_000 });
    expect(found.frames.map(({ position }) => position)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  }
  expect(log.damage()).toEqual([]);
  await log.close();
  return opening;
}

const named = (disk: FaultDisk, suffix: string) => [...disk.files().keys()].filter((name) => name.endsWith(suffix));

test("a start does not read the segments that sidecars cover, and reads the others", async () => {
  const disk = await filled();
  const segmentBytes = named(disk, ".segment").reduce((sum, name) => sum + disk.files().get(name)!, 0);
  expect(segmentBytes).toBeGreaterThan(600_000);
  expect(await bytesReadByOpening(disk)).toBe(0);
  const [sidecar, ...others] = named(disk, ".index");
  expect(others).toHaveLength(1);
  const [first] = indexEntries(disk.bytesOf(sidecar!));
  disk.flipBit(sidecar!, 1000);
  const one = [...disk.files()].find(([name]) => name.includes(first!.fileIdHex))![1];
  expect(await bytesReadByOpening(disk)).toBe(one);
  for (const index of named(disk, ".index")) await disk.remove(index);
  expect(await bytesReadByOpening(disk)).toBe(segmentBytes);
});

/** Sidecars of single segments. */
const formerOf = (disk: FaultDisk) => named(disk, ".index").filter((path) => /shards\/.*\d\.index$/.test(path));

test("a directory of a log that had a sidecar for each segment opens whole, and none of them is left over", async () => {
  const disk = await filled();
  for (const sidecar of named(disk, "/segments.index")) await disk.remove(sidecar);
  for (const segment of named(disk, ".segment")) {
    const file = await disk.open(segment.replace(".segment", ".index"), "create");
    await file.write([Buffer.from("former")], 0);
    await file.close();
  }
  const [stuck, ...others] = formerOf(disk);
  expect(others).not.toEqual([]);
  disk.plan = ({ kind, path }) => (kind === "remove" && path === stuck ? "EIO" : undefined);
  expect(await bytesReadByOpening(disk)).toBeGreaterThan(600_000);
  expect(formerOf(disk)).toEqual([stuck]);
  disk.plan = () => undefined;
  await bytesReadByOpening(disk);
  expect(formerOf(disk)).toEqual([]);
});

test("a sidecar does not grow with the segments that came and went, and a start still reads none of those left", async () => {
  const disk = new FaultDisk(3);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  let mostBytes = 0;
  for (let i = 0; i < 60; i++) {
    await fill(log, "s", i * 40, (i + 1) * 40);
    await untilIdle(disk);
    await log.trimBefore("s", i * 40);
    await untilIdle(disk);
    const [sidecar] = pathsOf(disk, "/segments.index");
    mostBytes = Math.max(mostBytes, disk.files().get(sidecar ?? "") ?? 0);
  }
  // 130 entries of 150 bytes and more were written; 4 are those of segments.
  expect(mostBytes).toBeLessThan(6000);
  await log.close();
  const next = disk.afterKill();
  const [sidecar] = pathsOf(next, "/segments.index");
  const known = [...indexEntries(next.bytesOf(sidecar!))].map((entry) => entry.fileIdHex);
  const segments = pathsOf(next, ".segment").map((path) => path.slice(-24, -8));
  expect(segments.length).toBeGreaterThan(1);
  expect(segments.filter((id) => !known.includes(id))).toEqual([]);
  const reopened = await openSmall(next);
  expect((await numbers(reopened, "s")).at(-1)).toBe(2399);
  await reopened.close();
});

test("sidecars that cannot be written hold up no settling, and cost the next start a scan", async () => {
  const disk = new FaultDisk(4);
  disk.plan = ({ kind, path }) => (kind === "write" && path.endsWith("segments.index") ? "ENOSPC" : undefined);
  const events: string[] = [];
  const log = await openSmall(disk, { journals: 1, report: ({ message }) => events.push(message) });
  await log.createShards(["a", "b"]);
  for (let i = 0; i < 40; i++) for (const name of ["a", "b"]) await log.append(name, [record(i)]);
  await fill(log, "a", 40, 80);
  await untilIdle(disk);
  // All but the one that is being written.
  expect(pathsOf(disk, ".journal")).toHaveLength(1);
  expect(new Set(events)).toEqual(new Set(["segment index not written"]));
  await log.close();
  const reopened = await openSmall(disk.afterKill());
  expect(await numbers(reopened, "a")).toEqual(range(0, 80));
  await reopened.close();
});
