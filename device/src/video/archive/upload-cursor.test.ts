import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type Log, LogError, nodeDisk, openLog } from "@headwater/log";
import { lanes } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Condition } from "../../condition.js";
import { ManualClock } from "../../testing/manual-clock.js";
import type { DeviceEvent } from "../../report.js";
import { deferred } from "../../testing/deferred.js";
import type { CutPiece } from "../fragment/fragment-cutter.js";
import { scriptedTrack } from "../testing/scripted-camera.js";
import type { StoredPiece } from "./stored-piece.js";
import { LIVE_MS_MAX, UploadCursor } from "./upload-cursor.js";
import { VideoArchive } from "./video-archive.js";
import { VideoIdentity } from "./video-identity.js";

let directory: string;
let clock: ManualClock;
let log: Log;
let archive: VideoArchive;
let cursor: UploadCursor;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cursor-"));
  clock = new ManualClock();
  await open();
});
afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true });
});

const report = (): void => undefined;

/** What the cursor under test says, and what it waits for before it stores its marks. */
let reported: DeviceEvent[];
let beforeMarks: () => Promise<void>;

async function open(): Promise<void> {
  [reported, beforeMarks] = [[], () => Promise.resolve()];
  log = await openLog({ directory, disk: nodeDisk(), clock, journals: 1 });
  const identity = await VideoIdentity.open(log, clock, report);
  const names = { device: "pi-1", stream: "door" };
  archive = await VideoArchive.open({ ...names, log, identity, clock, report, grown: new Condition() });
  cursor = await UploadCursor.open({
    archive,
    log: {
      getState: (shard) => log.getState(shard),
      putState: (shard, marks) => beforeMarks().then(() => log.putState(shard, marks)),
    },
    clock,
    boot: identity.boot,
    report: (event) => reported.push(event),
  });
}

/** A new process finds what the last one stored; `crash`: its lazy marks are not among it. */
async function restart(how: "in good order" | "crash"): Promise<void> {
  if (how === "in good order") await cursor.persist();
  await log.close();
  await open();
}

/** Stores a fragment of as many pieces, captured now. */
async function store(pieces = 2): Promise<void> {
  const fragmentMs = clock.monotonicMs();
  const slice = { track: 1, isKey: true, timeMs: 0, frameBytes: 1, offset: 0, data: Buffer.of(1) };
  const cut = Array.from({ length: pieces }, (_, index): CutPiece => {
    const tracks = index === 0 ? { tracks: [{ ...scriptedTrack, type: "video" as const }] } : {};
    return { fragmentMs, index, isLast: index === pieces - 1, slices: [slice], ...tracks };
  });
  archive.put(cut);
  await archive.settled();
}

const said = (piece: StoredPiece | undefined): string | undefined => piece && `${piece.position}.${piece.piece.index}`;

/** Takes all of a lane, and acknowledges it unless told otherwise. */
async function drain(lane: number, { acknowledge = true } = {}): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const piece = lane === lanes.videoLive ? await cursor.nextLive() : await cursor.nextBackfill();
    if (piece === undefined) return taken;
    taken.push(said(piece) ?? "");
    if (acknowledge) cursor.acknowledge(piece.position, lane);
  }
}

const { videoLive, videoBackfill } = lanes;

test("what is sent in time goes by the live lane", async () => {
  await store();
  expect(await drain(videoLive)).toEqual(["0.0", "1.1"]);
  clock.advance(1000);
  await store();
  expect(await drain(videoLive)).toEqual(["2.0", "3.1"]);
  expect(await drain(videoBackfill)).toEqual([]);
  expect(cursor.unacknowledged()).toEqual([{ from: 4, to: 4 }]);
});

test("after an outage the newest fragment is next, and those before it go by backfill, oldest first", async () => {
  await store();
  await drain(videoLive);
  for (let i = 0; i < 3; i++) {
    await store();
    clock.advance(LIVE_MS_MAX);
  }
  clock.advance(1);
  await store();
  expect(await drain(videoLive)).toEqual(["8.0", "9.1"]);
  expect(cursor.unacknowledged()).toEqual([
    { from: 2, to: 8 },
    { from: 10, to: 10 },
  ]);
  expect(await drain(videoBackfill)).toEqual(["2.0", "3.1", "4.0", "5.1", "6.0", "7.1"]);
  expect(cursor.unacknowledged()).toEqual([{ from: 10, to: 10 }]);
});

test("a fragment that has begun in the live lane ends there", async () => {
  await store(4);
  expect(said(await cursor.nextLive())).toBe("0.0");
  clock.advance(LIVE_MS_MAX * 10);
  await store();
  expect(await drain(videoLive)).toEqual(["1.1", "2.2", "3.3", "4.0", "5.1"]);
});

test("an old fragment that is the newest goes live: nothing newer waits for it", async () => {
  await store();
  clock.advance(LIVE_MS_MAX * 10);
  expect(await drain(videoLive)).toEqual(["0.0", "1.1"]);
});

test("what an earlier process left goes by backfill, but for what it may have sent in the live lane", async () => {
  await store();
  await drain(videoLive);
  // Reserved for the live lane: 32 pieces from the first on.
  for (let i = 0; i < 20; i++) await store();
  await restart("crash");
  await store();
  const live = await drain(videoLive);
  expect(live.slice(0, 3)).toEqual(["0.0", "1.1", "2.0"]);
  expect(live.slice(-3)).toEqual(["31.1", "42.0", "43.1"]);
  expect(live).toHaveLength(34);
  const late = await drain(videoBackfill);
  expect([late[0], late.at(-1), late.length]).toEqual(["32.0", "41.1", 10]);
});

test("a fragment that reaches beyond what was reserved for the live lane takes no other of an earlier process with it", async () => {
  await store(3);
  await drain(videoLive);
  for (let i = 0; i < 20; i++) await store(3);
  await restart("crash");
  const live = await drain(videoLive);
  expect(live.slice(-3)).toEqual(["30.0", "31.1", "32.2"]);
  const late = await drain(videoBackfill);
  expect([late[0], late.at(-1), late.length]).toEqual(["33.0", "62.2", 30]);
});

test("what was acknowledged before an end in good order is not sent again", async () => {
  await store();
  await drain(videoLive);
  await restart("in good order");
  expect(await drain(videoLive)).toEqual([]);
  await store();
  expect(await drain(videoLive)).toEqual(["2.0", "3.1"]);
});

test("backfill under way at a crash goes on by backfill", async () => {
  await store();
  await drain(videoLive);
  for (let i = 0; i < 3; i++) await store();
  clock.advance(LIVE_MS_MAX * 2);
  await store();
  expect(await drain(videoLive)).toEqual(["8.0", "9.1"]);
  expect(said(await cursor.nextBackfill())).toBe("2.0");
  await restart("crash");
  const live = await drain(videoLive);
  const late = await drain(videoBackfill);
  expect(late).toEqual(["2.0", "3.1", "4.0", "5.1", "6.0", "7.1"]);
  expect(live.filter((piece) => late.includes(piece))).toEqual([]);
  expect(live.at(-1)).toBe("9.1");
});

test("what was given to backfill is not sent live after a crash, though live pieces before it were under way", async () => {
  await store();
  await drain(videoLive, { acknowledge: false });
  for (let i = 0; i < 3; i++) await store();
  clock.advance(LIVE_MS_MAX * 2);
  await store();
  expect(await drain(videoLive)).toEqual(["8.0", "9.1"]);
  await restart("crash");
  expect(await drain(videoLive)).toEqual(["0.0", "1.1", "8.0", "9.1"]);
  expect(await drain(videoBackfill)).toEqual(["2.0", "3.1", "4.0", "5.1", "6.0", "7.1"]);
});

test("what is not acknowledged stays unacknowledged, over restarts too", async () => {
  await store(3);
  await drain(videoLive, { acknowledge: false });
  cursor.acknowledge(0, videoLive);
  expect(cursor.unacknowledged()).toEqual([{ from: 1, to: 3 }]);
  await restart("in good order");
  expect(await drain(videoLive)).toEqual(["1.1", "2.2"]);
});

test("where pieces were trimmed, sending goes on with the next whole fragment", async () => {
  await store(3);
  await store(3);
  await drain(videoLive, { acknowledge: false });
  await restart("crash");
  await log.trimBefore(archive.shard, 1);
  expect(await drain(videoLive)).toEqual(["3.0", "4.1", "5.2"]);
  expect(cursor.unacknowledged()).toEqual([{ from: 6, to: 6 }]);
});

test("backfill that was trimmed is over", async () => {
  for (let i = 0; i < 3; i++) await store();
  clock.advance(LIVE_MS_MAX * 2);
  await store();
  await drain(videoLive);
  await log.trimBefore(archive.shard, 7);
  expect(await drain(videoBackfill)).toEqual([]);
  expect(cursor.unacknowledged()).toEqual([{ from: 8, to: 8 }]);
});

test("a process that was killed within a fragment leaves it to the next, which ends it", async () => {
  const slice = { track: 1, isKey: true, timeMs: 0, frameBytes: 1, offset: 0, data: Buffer.of(1) };
  const tracks = [{ ...scriptedTrack, type: "video" as const }];
  archive.put([{ fragmentMs: clock.monotonicMs(), index: 0, isLast: false, tracks, slices: [slice] }]);
  await archive.settled();
  await restart("crash");
  const last = await archive.read(1);
  expect(last?.piece).toMatchObject({
    index: 1,
    isLast: true,
    slices: [],
    fragment: (await archive.read(0))?.sequence,
  });
});

test("nothing goes by backfill before that is durable, also where somebody else is storing it", async () => {
  await store();
  await restart("crash");
  const gate = deferred();
  beforeMarks = () => gate.promise;
  expect(await cursor.nextLive()).toBeUndefined();
  const keeping = cursor.persist();
  let sent: string | undefined;
  const sending = cursor.nextBackfill().then((piece) => (sent = said(piece)));
  for (let i = 0; i < 50; i++) await setImmediate();
  expect(sent).toBeUndefined();
  gate.resolve();
  await Promise.all([keeping, sending]);
  expect(sent).toBe("0.0");
});

test("a disk that takes no marks is told of once, and holds nothing back", async () => {
  await store(4);
  beforeMarks = () => Promise.reject(new LogError("disk-full", "no space"));
  expect(await drain(videoLive)).toEqual(["0.0", "1.1", "2.2", "3.3"]);
  expect(reported).toMatchObject([{ level: "warn", cause: { code: "disk-full" } }]);
  beforeMarks = () => Promise.resolve();
  await cursor.persist();
  await log.close();
  await open();
  expect(cursor.unacknowledged()).toEqual([{ from: 4, to: 4 }]);
});
