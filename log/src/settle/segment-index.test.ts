import fc from "fast-check";
import { expect, test } from "vitest";
import type { Disk } from "../api.js";
import { fileIdHex } from "../format/file-header.js";
import { openLog } from "../open.js";
import { FrameIndex } from "../shard/frame-index.js";
import { FaultDisk, ManualClock } from "../testing/index.js";
import { untilIdle } from "../testing/records.js";
import { type SegmentContent, readSegmentIndex, writeSegmentIndex } from "./segment-index.js";

const path = "/data/0000000001-x.index";
const fileId = { low: 0xfedcba98, high: 0x00000001 };
const segment = { fileId, fileNumber: 1, path: "/data/0000000001-x.segment", isSegment: true, bytes: 5000 };

async function newDisk(): Promise<FaultDisk> {
  const disk = new FaultDisk(1);
  await disk.makeDirectory("/data");
  return disk;
}

async function put(disk: FaultDisk, bytes: Uint8Array): Promise<void> {
  await disk.remove(path);
  const file = await disk.open(path, "create");
  await file.write([bytes], 0);
}

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

test("a sidecar says what was written, and is no other segment's", async () => {
  await fc.assert(
    fc.asyncProperty(contents, async (content) => {
      const disk = await newDisk();
      await writeSegmentIndex(disk, segment, path, content);
      expect(await readSegmentIndex(disk, fileIdHex(fileId), path)).toEqual(content);
      expect(await readSegmentIndex(disk, "0000000000000001", path)).toBeUndefined();
    }),
  );
});

test("a sidecar that is cut, or has any other bit, is none", async () => {
  const disk = await newDisk();
  const index = new FrameIndex();
  index.add({ position: 3, count: 2, arrivalMs: 5, offset: 40, end: 200, payloadBytes: 40 }, false);
  await writeSegmentIndex(disk, segment, path, { coveredBytes: 200, index, state: undefined });
  const bytes = disk.bytesOf(path);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    disk.flipBit(path, bit);
    expect(await readSegmentIndex(disk, fileIdHex(fileId), path)).toBeUndefined();
    disk.flipBit(path, bit);
  }
  for (let length = 0; length < bytes.length; length++) {
    await put(disk, bytes.subarray(0, length));
    expect(await readSegmentIndex(disk, fileIdHex(fileId), path)).toBeUndefined();
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(24), async (random, kept) => {
      await put(disk, Buffer.concat([bytes.subarray(0, kept), random]));
      expect(await readSegmentIndex(disk, fileIdHex(fileId), path)).toBeUndefined();
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
  const indexes = named(disk, ".index");
  expect(indexes).toHaveLength(named(disk, ".segment").length);
  disk.flipBit(indexes[0]!, 1000);
  const one = disk.files().get(indexes[0]!.replace(/index$/, "segment"))!;
  expect(await bytesReadByOpening(disk)).toBe(one);
  for (const index of named(disk, ".index")) await disk.remove(index);
  expect(await bytesReadByOpening(disk)).toBe(segmentBytes);
});
