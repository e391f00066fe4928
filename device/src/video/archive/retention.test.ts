import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, openLog } from "@headwater/log";
import { lanes } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Condition } from "../../condition.js";
import { FailingDisk } from "../../testing/failing-disk.js";
import { ManualClock } from "../../testing/manual-clock.js";
import type { ArchiveLimits } from "../camera-options.js";
import { scriptedTrack } from "../testing/scripted-camera.js";
import { Retention } from "./retention.js";
import { UploadCursor } from "./upload-cursor.js";
import { VideoArchive } from "./video-archive.js";
import { VideoIdentity } from "./video-identity.js";

const HOUR_MS = 3_600_000;

let directory: string;
let disk: FailingDisk;
let clock: ManualClock;
let log: Log;
let identity: VideoIdentity;
let archive: VideoArchive;
let cursor: UploadCursor;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "retention-"));
  [disk, clock] = [new FailingDisk(), new ManualClock()];
  await open();
});
afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true });
});

const report = (): void => undefined;

async function open(): Promise<void> {
  log = await openLog({ directory, disk, clock, journals: 1 });
  identity = await VideoIdentity.open(log, clock, report);
  const names = { device: "pi-1", stream: "door" };
  archive = await VideoArchive.open({ ...names, log, identity, clock, report, grown: new Condition() });
  cursor = await UploadCursor.open({ archive, log, clock, boot: identity.boot, report });
}

async function reboot(wallMs: number): Promise<void> {
  await log.close();
  clock.reboot(wallMs);
  await open();
}

/** Stores a fragment of one piece with 10,000 bytes. */
async function store(): Promise<void> {
  const data = Buffer.alloc(10_000);
  const slice = { track: 1, isKey: true, timeMs: 0, frameBytes: data.length, offset: 0, data };
  const tracks = [{ ...scriptedTrack, type: "video" as const }];
  archive.put([{ fragmentMs: clock.monotonicMs(), index: 0, isLast: true, tracks, slices: [slice] }]);
  await archive.settled();
}

function retentionOf(limits: Partial<ArchiveLimits>): Retention {
  return new Retention(log, archive, cursor, identity, { bytesMax: 2 ** 40, hoursMax: 24, ...limits }, 10_000);
}

async function enforce(limits: Partial<ArchiveLimits>): Promise<Retention> {
  const retention = retentionOf(limits);
  await retention.enforce(new AbortController().signal);
  return retention;
}

test("the oldest go when there are too many bytes; what the gateway does not have is counted", async () => {
  for (let i = 0; i < 10; i++) await store();
  for (let i = 0; i < 4; i++) cursor.acknowledge((await cursor.nextLive())?.position ?? -1, lanes.videoLive);
  const retention = await enforce({ bytesMax: 35_000 });
  expect([archive.first, archive.next]).toEqual([7, 10]);
  expect(retention.expired).toEqual({ "archive-bytes": 3 });
});

test("what is too old goes, also when there is room", async () => {
  for (let i = 0; i < 5; i++) {
    await store();
    clock.advance(HOUR_MS);
  }
  const retention = await enforce({ hoursMax: 3.5 });
  expect(archive.first).toBe(2);
  expect(retention.expired).toEqual({ "archive-age": 2 });
});

test("within the limits nothing goes", async () => {
  for (let i = 0; i < 3; i++) await store();
  const retention = await enforce({});
  expect(archive.first).toBe(0);
  expect(retention.expired).toEqual({});
});

test("a clock that was wrong makes nothing old", async () => {
  clock.isSynchronised = false;
  await reboot(0);
  await store();
  clock.isSynchronised = true;
  await reboot(Date.UTC(2027, 0, 2));
  await enforce({ hoursMax: 1 });
  expect(archive.first).toBe(0);
});

test("video of an earlier boot ages by its wall time", async () => {
  await store();
  await reboot(Date.UTC(2027, 0, 1, 5));
  await enforce({ hoursMax: 6 });
  expect(archive.first).toBe(0);
  await enforce({ hoursMax: 4 });
  expect(archive.first).toBe(1);
});

test("a full disk makes the oldest go, as much as two segments for each time, whatever the limits", async () => {
  const retention = retentionOf({});
  const { signal } = new AbortController();
  for (let i = 0; i < 8; i++) await store();
  cursor.acknowledge((await cursor.nextLive())?.position ?? -1, lanes.videoLive);
  for (const first of [2, 4]) {
    disk.failure = "ENOSPC";
    await store();
    disk.failure = undefined;
    // Room is made once for a disk that was full, not again and again where a camera sends no more.
    for (let i = 0; i < 2; i++) await retention.enforce(signal);
    expect(archive.first).toBe(first);
  }
  expect(retention.expired).toEqual({ "disk-full": 3 });
});

test("a disk that others fill costs a small archive nothing", async () => {
  const retention = retentionOf({});
  await store();
  disk.failure = "ENOSPC";
  await store();
  disk.failure = undefined;
  await retention.enforce(new AbortController().signal);
  expect(archive.first).toBe(0);
});
