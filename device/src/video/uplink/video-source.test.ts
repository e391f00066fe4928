import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, nodeDisk, openLog } from "@headwater/log";
import { decodePiece, decodeVideoEnvelope, lanes } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Condition } from "../../condition.js";
import { ManualClock } from "../../testing/manual-clock.js";
import { LIVE_MS_MAX, UploadCursor } from "../archive/upload-cursor.js";
import { VideoArchive } from "../archive/video-archive.js";
import { VideoIdentity } from "../archive/video-identity.js";
import { scriptedTrack } from "../testing/scripted-camera.js";
import { BACKFILL_IN_FLIGHT_BYTES_MAX, VideoSource } from "./video-source.js";

let directory: string;
let clock: ManualClock;
let log: Log;
let identity: VideoIdentity;
let archives: VideoArchive[];
let source: VideoSource;
const never = new AbortController().signal;
const report = (): void => undefined;
afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true });
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "source-"));
  clock = new ManualClock();
});

async function open(...streams: readonly string[]): Promise<void> {
  log = await openLog({ directory, disk: nodeDisk(), clock, journals: 1 });
  identity = await VideoIdentity.open(log, clock, report);
  const grown = new Condition();
  archives = [];
  const cursors: UploadCursor[] = [];
  for (const stream of streams) {
    const archive = await VideoArchive.open({ device: "pi-1", stream, log, identity, clock, report, grown });
    archives.push(archive);
    cursors.push(await UploadCursor.open({ archive, log, clock, boot: identity.boot, report }));
  }
  source = new VideoSource(cursors, identity.captureClock, grown);
}

/** Stores a fragment of one piece, captured now. */
async function store(camera = 0, bytes = 10): Promise<void> {
  const slice = { track: 1, isKey: true, timeMs: 0, frameBytes: bytes, offset: 0, data: Buffer.alloc(bytes) };
  const tracks = [{ ...scriptedTrack, type: "video" as const }];
  archives[camera]?.put([{ fragmentMs: clock.monotonicMs(), index: 0, isLast: true, tracks, slices: [slice] }]);
  await archives[camera]?.settled();
}

function said(message: { readonly payload: Uint8Array } | undefined): string {
  const { lane, piece } = decodeVideoEnvelope(message?.payload ?? Buffer.of());
  const { stream, producerMs, clockUnsynchronised } = decodePiece(piece);
  return `${stream} ${lane === lanes.videoLive ? "live" : "backfill"} ${producerMs}${clockUnsynchronised ? "?" : ""}`;
}

/** Positions go on by themselves; resending is up to the test. */
async function take(count: number, from = source.first): Promise<string[]> {
  const taken: string[] = [];
  for (let position = from; taken.length < count; position++) taken.push(said(await source.next(position, never)));
  return taken;
}

test("live pieces go before backfill, cameras by turns", async () => {
  await open("a", "b");
  const beganMs = clock.now();
  await store(0);
  clock.advance(LIVE_MS_MAX + 1);
  const nowMs = clock.now();
  for (let i = 0; i < 2; i++) for (const camera of [0, 1]) await store(camera);
  const taken = await take(5);
  const isLive = taken.map((message) => message.includes(`live ${nowMs}`));
  expect(isLive).toEqual([true, true, true, false, false]);
  expect(new Set(taken.slice(0, 2).map((message) => message[0]))).toEqual(new Set(["a", "b"]));
  // Of the camera with a fragment that came too late, all before the newest go by backfill.
  expect(taken.slice(3)).toEqual([`a backfill ${beganMs}`, `a backfill ${nowMs}`]);
});

test("after a connection ended, the same bytes go again in the same lanes", async () => {
  await open("a");
  for (let i = 0; i < 3; i++) await store();
  const sent = await take(3);
  source.release(1);
  clock.advance(LIVE_MS_MAX * 2);
  await store();
  expect(await take(3)).toEqual([...sent.slice(1), expect.stringContaining("live")]);
});

test("backfill leaves room for live pieces: only so many bytes are under way", async () => {
  await open("a");
  const bytes = 200 * 1024;
  for (let i = 0; i < 6; i++) await store(0, bytes);
  clock.advance(LIVE_MS_MAX * 2);
  await store();
  expect((await take(1))[0]).toContain("live");
  const most = Math.ceil(BACKFILL_IN_FLIGHT_BYTES_MAX / bytes);
  expect(await take(most, 1)).toEqual(Array.from({ length: most }, () => expect.stringContaining("backfill")));
  const next = source.next(1 + most, never);
  await store();
  expect(said(await next)).toContain("live");
  const held = source.next(2 + most, never);
  source.release(2);
  expect(said(await held)).toContain("backfill");
});

test("a time that was not sent is not said: what an unsynchronised clock held back is dated anew", async () => {
  clock = new ManualClock(0);
  clock.isSynchronised = false;
  await open("a");
  await store();
  const session = new AbortController();
  const held = source.next(0, session.signal);
  await expect.poll(() => clock.sleeping, { interval: 1 }).toBe(1);
  session.abort();
  expect(await held).toBeUndefined();
  const shiftMs = Date.UTC(2027, 0, 1);
  const capturedMs = clock.now() + shiftMs;
  clock.step(shiftMs);
  clock.isSynchronised = true;
  const watching = new AbortController();
  const watched = identity.captureClock.watch(watching.signal);
  await expect.poll(() => identity.captureClock.synchronised, { interval: 1 }).toBe(true);
  watching.abort();
  await watched;
  expect(await take(1)).toEqual([`a live ${capturedMs}`]);
});
