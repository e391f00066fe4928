import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, openLog } from "@headwater/log";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Condition } from "../../condition.js";
import { FailingDisk } from "../../testing/failing-disk.js";
import { ManualClock } from "../../testing/manual-clock.js";
import type { CutPiece } from "../fragment/fragment-cutter.js";
import { scriptedTrack } from "../testing/scripted-camera.js";
import { VideoArchive, WAITING_BYTES_MAX } from "./video-archive.js";
import { VideoIdentity } from "./video-identity.js";

let directory: string;
let disk: FailingDisk;
let log: Log;
let identity: VideoIdentity;
let archive: VideoArchive;
let losses: string[];
let clock: ManualClock;
const report = (): void => undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "archive-"));
  [disk, losses, clock] = [new FailingDisk(), [], new ManualClock()];
  await open();
});
afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true });
});

async function open(): Promise<void> {
  log = await openLog({ directory, disk, clock, journals: 1 });
  identity = await VideoIdentity.open(log, clock, report);
  const names = { device: "pi-1", stream: "door" };
  archive = await VideoArchive.open({ ...names, log, identity, clock, report, grown: new Condition() });
  archive.listen({ lost: (cause, frames, isOngoing) => losses.push(`${cause} ${frames} ${isOngoing}`) });
}

function piece(index: number, isLast = false, bytes = 10, timeMs = 0): CutPiece {
  const slice = { track: 1, isKey: index === 0, timeMs, frameBytes: bytes, offset: 0, data: Buffer.alloc(bytes) };
  const tracks = index === 0 ? { tracks: [{ ...scriptedTrack, type: "video" as const }] } : {};
  return { fragmentMs: 1000, index, isLast, slices: [slice], ...tracks };
}

async function stored(): Promise<string[]> {
  const found: string[] = [];
  for (let at = archive.first; at < archive.next; at++) {
    const { piece } = (await archive.read(at)) ?? {};
    found.push(`${piece?.index}${piece?.isLast ? " last" : ""}`);
  }
  return found;
}

test("what waits behind a lost piece of its fragment is lost too, and what comes then is stored", async () => {
  archive.put([piece(0)]);
  await archive.settled();
  disk.failure = "ENOSPC";
  archive.put([piece(1)]);
  await Promise.resolve();
  await Promise.resolve();
  archive.put([piece(2)]);
  await archive.settled();
  expect(losses).toEqual(["disk-full 2 true"]);
  expect(archive.status().disk).toBe("disk-full");
  disk.failure = undefined;
  archive.put([piece(0), piece(1, true)]);
  await archive.settled();
  // The fragment that lost pieces ends with what it has.
  expect(await stored()).toEqual(["0", "1 last", "0", "1 last"]);
  expect(archive.status().disk).toBe("ok");
});

test("a fragment that begins behind a lost one is not lost with it", async () => {
  disk.failure = "ENOSPC";
  archive.put([piece(0), piece(1)]);
  await Promise.resolve();
  await Promise.resolve();
  archive.put([piece(2, true), piece(0, true)]);
  const settled = archive.settled();
  await expect.poll(() => losses.length, { interval: 1 }).toBeGreaterThan(0);
  disk.failure = undefined;
  await settled;
  expect(losses[0]).toBe("disk-full 3 false");
});

test("memory that waits for the disk is bounded", async () => {
  const bytes = 250 * 1024;
  let taken = 0;
  while (archive.put([piece(taken, false, bytes)])) taken++;
  expect(taken * bytes).toBeLessThanOrEqual(WAITING_BYTES_MAX);
  expect(taken * bytes).toBeGreaterThan(WAITING_BYTES_MAX - 2 * bytes);
  await archive.settled();
  expect(archive.put([piece(taken, true)])).toBe(true);
  await archive.settled();
  expect(archive.next).toBe(taken + 1);
});

test("no sequence is given twice, however many are taken and whatever ends the process", async () => {
  let next = 0;
  for (let restart = 0; restart < 3; restart++) {
    for (const count of [1, 2 ** 20, 2 ** 21, 3]) {
      const first = await identity.take(count);
      expect(first).toBeGreaterThanOrEqual(next);
      next = first + count;
    }
    await log.close();
    await open();
  }
});

test("on a full disk the archive opens, and takes pieces once there is space", async () => {
  archive.put([piece(0)]);
  await archive.settled();
  await log.close();
  disk.failure = "ENOSPC";
  await open();
  expect((await archive.read(0))?.piece.index).toBe(0);
  archive.put([piece(0, true)]);
  await archive.settled();
  expect(losses).toEqual(["disk-full 1 true"]);
  disk.failure = undefined;
  archive.put([piece(0, true)]);
  await archive.settled();
  expect(await stored()).toEqual(["0", "1 last", "0 last"]);
  const sequences = await Promise.all([0, 1, 2].map(async (at) => (await archive.read(at))?.sequence ?? 0));
  expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
});

test("a piece that follows none of its fragment is refused, and harms nothing else", async () => {
  archive.put([piece(3)]);
  await archive.settled();
  expect(losses).toEqual(["unexpected 1 true"]);
  archive.put([piece(0, true)]);
  await archive.settled();
  expect(await stored()).toEqual(["0 last"]);
});

test("a start counts the time that is in no archive: from the last frame that was stored to the next", async () => {
  archive.put([piece(0, false, 10, 0), piece(1, false, 10, 400)]);
  await archive.settled();
  expect(archive.status().restartGapMs).toBe(0);
  await log.close();
  await open();
  // Nothing was captured in between: the end that the start put to the fragment is no frame.
  await log.close();
  await open();
  archive.put([{ ...piece(0), fragmentMs: 7000 }]);
  await archive.settled();
  expect(archive.status().restartGapMs).toBe(7000 - 1400);
  archive.put([{ ...piece(0, true), fragmentMs: 9000 }]);
  await archive.settled();
  expect(archive.status().restartGapMs).toBe(7000 - 1400);
});
