import { EventEmitter, once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { encodePiece, encodeVideoEnvelope, lanes, videoTopic } from "@headwater/protocol";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { Session } from "../listener/session.js";
import { eventually } from "../testing/eventually.js";
import { RamDisk } from "../testing/ram-disk.js";
import {
  openSpool,
  readDeadLetters,
  type SpoolOnDisk,
  type SpoolOnDiskOptions,
  valueOf,
} from "../testing/spool-on-disk.js";
import { Camera, type CameraFragment, DEVICE, piecesOf, VIDEO_TRACK } from "./testing/camera.js";
import { ExactVideoUpstream, type VideoFault } from "./testing/exact-video-upstream.js";

const START_MS = 1_795_188_690_000;
const time = { nowMs: 1_800_000_000_000, now: () => time.nowMs };

const gateways: SpoolOnDisk[] = [];
afterEach(async () => {
  for (const gateway of gateways.splice(0)) {
    await gateway.stop();
    await gateway.log.close();
  }
});

async function open(disk: RamDisk, upstream: ExactVideoUpstream, more: SpoolOnDiskOptions = {}): Promise<SpoolOnDisk> {
  const gateway = await openSpool(disk, { videoUpstream: upstream, clock: time, ...more });
  gateways.push(gateway);
  return gateway;
}

/** The n-th of fragments that follow each other: three frames, the first over several pieces. */
function nth(n: number): CameraFragment {
  return { producerMs: START_MS + n * 120, frames: [`key frame number ${n}`, `b${n}`, `c${n}`] };
}

const timesOf = (upstream: ExactVideoUpstream): number[] => upstream.taken.map(({ timecodeMs }) => timecodeMs);

test("frames arrive as captured, whole, in order, in one call", async () => {
  const upstream = new ExactVideoUpstream();
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  for (let n = 0; n < 4; n++) camera.capture(nth(n));
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.taken).toHaveLength(4));
  expect(upstream.taken[2]).toEqual({
    timecodeMs: START_MS + 240,
    tags: [],
    call: 0,
    lane: "live",
    frames: [
      { track: 1, timeMs: START_MS + 240, isKey: true, data: "key frame number 2" },
      { track: 1, timeMs: START_MS + 280, isKey: false, data: "b2" },
      { track: 1, timeMs: START_MS + 320, isKey: false, data: "c2" },
    ],
  });
  expect(timesOf(upstream)).toEqual([0, 120, 240, 360].map((ms) => START_MS + ms));
  expect(upstream.tracks).toEqual([[VIDEO_TRACK]]);
  expect(upstream.violations).toEqual([]);
});

test("a piece goes out while its fragment is still being captured", async () => {
  const upstream = new ExactVideoUpstream();
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  camera.capture(nth(0));
  await camera.connect(gateway.ingest, 4);
  await eventually(() => expect(upstream.coming.get(0)?.map(({ data }) => data)).toEqual(["key frame number 0", "b0"]));
  expect(upstream.taken).toEqual([]);
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.taken).toHaveLength(1));
});

test("the spool lets go of what is persisted, and of nothing else", async () => {
  const upstream = new ExactVideoUpstream();
  let isLosing = true;
  upstream.fault = ({ timecodeMs }) => ({ kind: isLosing && timecodeMs > START_MS ? "lost" : "none" });
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  for (let n = 0; n < 3; n++) camera.capture(nth(n));
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.taken).toHaveLength(1));
  await eventually(async () => {
    await gateway.videoSpool.sweep();
    expect(gateway.log.bounds("video/door").first).toBe(6);
  });
  isLosing = false;
  await eventually(async () => {
    await gateway.videoSpool.sweep();
    expect(gateway.videoSpool.bytes).toBe(0);
  });
  expect(timesOf(upstream)).toEqual([0, 120, 240].map((ms) => START_MS + ms));
  expect(upstream.repeats).toBe(0);
});

test("what is persisted is not sent again after a restart, and what is not is sent from its fragment's start", async () => {
  const upstream = new ExactVideoUpstream();
  const disk = new RamDisk();
  const camera = new Camera();
  const before = await openSpool(disk, { videoUpstream: upstream, clock: time });
  for (let n = 0; n < 3; n++) camera.capture(nth(n));
  await camera.connect(before.ingest, 15);
  await eventually(() => expect(upstream.coming.get(0)).toMatchObject([{ timeMs: nth(2).producerMs }]));
  await eventually(async () => expect(await valueOf(before.metrics, "video_fragments_persisted_total")).toBe(2));
  await before.stop();
  const after = await open(disk.powerOn(), upstream);
  await camera.connect(after.ingest);
  await eventually(() => expect(timesOf(upstream)).toEqual([0, 1, 2].map((n) => nth(n).producerMs)));
  expect(upstream.taken[2]?.frames.map(({ data }) => data)).toEqual(nth(2).frames);
  expect(upstream.repeats).toBe(0);
});

test("a piece that is sent again is acknowledged and stored once", async () => {
  const gateway = await openSpool(new RamDisk());
  gateways.push(gateway);
  const camera = new Camera();
  camera.capture(nth(0));
  await camera.connect(gateway.ingest);
  camera.forget(3);
  await camera.connect(gateway.ingest);
  expect(camera.isDone).toBe(true);
  expect(gateway.log.bounds("video/door").next).toBe(6);
  expect(await valueOf(gateway.metrics, "video_pieces_repeated_total")).toBe(3);
});

test("after an outage the newest goes first, and what is late by backfill, oldest first", async () => {
  const upstream = new ExactVideoUpstream();
  upstream.isDown = true;
  const gateway = await open(new RamDisk(), upstream);
  const failedCalls = (): Promise<number> => valueOf(gateway.metrics, "video_sessions_failed_total");
  const camera = new Camera();
  for (let n = 0; n < 5; n++) {
    camera.capture(nth(n));
    await camera.connect(gateway.ingest);
    time.nowMs += 4_000;
    const before = await failedCalls();
    await eventually(async () => expect(await failedCalls()).toBeGreaterThan(before + 1));
  }
  upstream.isDown = false;
  await eventually(() => expect(upstream.taken).toHaveLength(5));
  const newest = upstream.taken.find(({ timecodeMs }) => timecodeMs === nth(4).producerMs);
  // Not in the live lane's call: it would wait behind them there.
  const late = upstream.taken.filter(({ call }) => call !== newest?.call);
  expect(late.map(({ timecodeMs }) => timecodeMs)).toEqual([0, 1, 2, 3].map((n) => nth(n).producerMs));
  expect(late.map(({ lane, tags }) => [lane, tags])).toEqual(late.map(() => ["backfill", ["HEADWATER_LANE=backfill"]]));
  expect([newest?.lane, newest?.tags]).toEqual(["live", []]);
});

test("what the device sends by backfill goes by backfill, tagged", async () => {
  const upstream = new ExactVideoUpstream();
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  camera.capture(nth(0), lanes.videoBackfill);
  camera.capture(nth(9), lanes.videoLive);
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.taken).toHaveLength(2));
  expect(upstream.taken.find(({ timecodeMs }) => timecodeMs === START_MS)?.tags).toEqual(["HEADWATER_LANE=backfill"]);
});

test.each<[string, (second: CameraFragment) => CameraFragment, number]>([
  ["goes on", (second) => second, 1],
  ["jumps by more than a second", (second) => ({ ...second, producerMs: second.producerMs + 1_500 }), 2],
  ["goes back", (second) => ({ ...second, producerMs: START_MS - 60 }), 2],
  ["has another init", (second) => ({ ...second, tracks: [{ ...VIDEO_TRACK, video: { width: 8, height: 6 } }] }), 2],
])("a fragment that %s", async (_what, change, calls) => {
  const upstream = new ExactVideoUpstream();
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  camera.capture(nth(0));
  camera.capture(change(nth(1)));
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.taken).toHaveLength(2));
  expect(upstream.calls).toBe(calls);
  expect(upstream.violations).toEqual([]);
});

test.each([
  ["that the answer names", true],
  ["that the answer does not name", false],
])(
  "a fragment %s will never be taken: it is put aside, piece by piece, and the next ones go on",
  async (_, tellsTime) => {
    const upstream = new ExactVideoUpstream();
    upstream.fault = ({ timecodeMs }) =>
      timecodeMs === nth(1).producerMs ? { kind: "error", errorId: 4006, tellsTime } : { kind: "none" };
    const gateway = await open(new RamDisk(), upstream);
    const camera = new Camera();
    for (let n = 0; n < 3; n++) camera.capture(nth(n));
    await camera.connect(gateway.ingest);
    await eventually(() => expect(timesOf(upstream)).toEqual([nth(0).producerMs, nth(2).producerMs]));
    const letters = await readDeadLetters(gateway.log);
    expect(letters).toHaveLength(6);
    expect(letters[0]).toMatchObject({ reason: "refused-upstream", stream: "door", detail: /4006/ });
  },
);

test.each<[string, VideoFault]>([
  ["drops the connection", { kind: "lost" }],
  ["drops the connection, a little later,", { kind: "lost-late" }],
  ["fails", { kind: "error", errorId: 5000 }],
  ["fails and does not say at what", { kind: "error", errorId: 5000, tellsTime: false }],
])("a fragment at which the upstream %s each time is put aside, while the others go on", async (_, fault) => {
  const upstream = new ExactVideoUpstream();
  const attempts: number[] = [];
  upstream.fault = ({ timecodeMs }) => {
    attempts.push(timecodeMs);
    return timecodeMs === nth(1).producerMs ? fault : { kind: "none" };
  };
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  for (let n = 0; n < 9; n++) camera.capture(nth(n), lanes.videoBackfill);
  await camera.connect(gateway.ingest);
  const others = [0, 2, 3, 4, 5, 6, 7, 8].map((n) => nth(n).producerMs);
  await eventually(() => expect(timesOf(upstream)).toEqual(others));
  await eventually(async () => expect(await valueOf(gateway.metrics, "video_fragments_refused_total")).toBe(1));
  const letters = await readDeadLetters(gateway.log);
  expect(letters).toHaveLength(6);
  expect(letters[0]).toMatchObject({ reason: "refused-upstream", stream: "door", detail: /5 calls/ });
  // Not before four others had gone through in between.
  expect(timesOf(upstream).indexOf(nth(5).producerMs)).toBeLessThan(attempts.lastIndexOf(nth(1).producerMs));
  await eventually(async () => {
    await gateway.videoSpool.sweep();
    expect(gateway.videoSpool.bytes).toBe(0);
  });
});

test("an upstream that drops every call makes no fragment a dead letter, and afterwards all arrive", async () => {
  const upstream = new ExactVideoUpstream();
  let isBroken = true;
  let drops = 0;
  upstream.fault = () => {
    if (isBroken) drops++;
    return { kind: isBroken ? "lost" : "none" };
  };
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  for (let n = 0; n < 3; n++) camera.capture(nth(n), lanes.videoBackfill);
  for (let n = 3; n < 6; n++) camera.capture(nth(n));
  await camera.connect(gateway.ingest);
  await eventually(() => expect(drops).toBeGreaterThan(40));
  isBroken = false;
  await eventually(() => expect(upstream.taken).toHaveLength(6));
  expect(await readDeadLetters(gateway.log)).toEqual([]);
  expect(upstream.violations).toEqual([]);
});

test("errors of the service's own end a call, and everything is sent again", async () => {
  const upstream = new ExactVideoUpstream();
  const errors = [5000, 4003, 4008];
  upstream.fault = () => {
    const errorId = errors.pop();
    return errorId === undefined ? { kind: "none" } : { kind: "error", errorId };
  };
  const gateway = await open(new RamDisk(), upstream);
  const camera = new Camera();
  camera.capture(nth(0));
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.taken).toHaveLength(1));
  expect(await readDeadLetters(gateway.log)).toEqual([]);
  expect(await valueOf(gateway.metrics, "video_fragments_resent_total")).toBe(3);
});

test.each(["takes nothing", "acknowledges nothing", "does not end"] as const)(
  "a connection that %s is given up",
  async (silence) => {
    const upstream = new ExactVideoUpstream();
    upstream.silence = silence;
    const gateway = await open(new RamDisk(), upstream);
    const camera = new Camera();
    camera.capture(nth(0));
    // Needs a call of its own.
    camera.capture(nth(100));
    await camera.connect(gateway.ingest);
    await eventually(() => expect(upstream.calls).toBe(1));
    await eventually(() => {
      time.nowMs += 1_000;
      expect(upstream.calls).toBeGreaterThan(1);
    });
    upstream.silence = undefined;
    await eventually(() => {
      time.nowMs += 1_000;
      expect(upstream.taken).toHaveLength(2);
    });
    expect(await valueOf(gateway.metrics, "video_sessions_failed_total")).toBeGreaterThan(0);
  },
);

test("a fragment that begins with no key frame is put aside: no decoder could begin with it", async () => {
  const upstream = new ExactVideoUpstream();
  const gateway = await open(new RamDisk(), upstream);
  const [first] = piecesOf(0, nth(0));
  const slices = first!.slices.map((slice) => ({ ...slice, isKey: false, frameBytes: slice.data.length }));
  const piece = encodePiece({ ...first!, isLast: true, slices });
  const payload = encodeVideoEnvelope({ spoolId: "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d", lane: 2, sequence: 0, piece });
  await gateway.ingest.publish(new Session("cam/video", DEVICE, undefined), videoTopic(DEVICE), payload);
  await eventually(async () =>
    expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason: "refused-upstream" }]),
  );
});

test("of a fragment that the disk lost a piece of, what lies before it is sent, and the rest is counted", async () => {
  const upstream = new ExactVideoUpstream();
  upstream.isDown = true;
  const disk = new RamDisk();
  const asleep = new EventEmitter();
  const sleep = async (): Promise<void> => void (await once(asleep, "wake"));
  const gateway = await open(disk, upstream, { sleep });
  const camera = new Camera();
  camera.capture({ producerMs: START_MS, frames: ["key", "PICTURE", "c"] });
  camera.capture(nth(1));
  await camera.connect(gateway.ingest);
  // From then on nothing of it is in memory.
  await eventually(async () => expect(await valueOf(gateway.metrics, "video_sessions_failed_total")).toBe(1));
  disk.damage("PICTURE");
  upstream.isDown = false;
  asleep.emit("wake");
  await eventually(() => expect(upstream.taken).toHaveLength(2));
  expect(upstream.taken.map(({ frames }) => frames.map(({ data }) => data))).toEqual([["key"], nth(1).frames]);
  // Two frames and the end; the first of them is not counted where the piece was damaged before it was read at all.
  expect(await valueOf(gateway.metrics, "video_pieces_stray_total")).toBeGreaterThanOrEqual(2);
});

test.each(["before", "after"])("a device that falls silent %s another sends does not hold that up", async (when) => {
  const upstream = new ExactVideoUpstream();
  const gateway = await open(new RamDisk(), upstream);
  const silent = new Camera();
  silent.capture(nth(0));
  await silent.connect(gateway.ingest, 2);
  await eventually(() => expect(upstream.calls).toBe(1));
  if (when === "before") time.nowMs += 10_000;
  const other = encodePiece({ ...piecesOf(7, nth(9), 100)[0]!, isLast: true });
  const payload = encodeVideoEnvelope({
    spoolId: "00000000-0000-4000-8000-000000000000",
    lane: 2,
    sequence: 0,
    piece: other,
  });
  await gateway.ingest.publish(new Session("cam/video", "cam-2", undefined), videoTopic("cam-2"), payload);
  // By the time that this has gone by backfill, the other is known to wait.
  const last = new Camera();
  last.capture(nth(4), lanes.videoBackfill);
  await last.connect(gateway.ingest);
  await eventually(() => expect(timesOf(upstream)).toContain(nth(4).producerMs));
  if (when === "after") time.nowMs += 10_000;
  await eventually(() => expect(timesOf(upstream)).toContain(nth(9).producerMs));
  expect(timesOf(upstream)).not.toContain(nth(0).producerMs);
  await silent.connect(gateway.ingest);
  await eventually(() => expect(timesOf(upstream).at(-1)).toBe(nth(0).producerMs));
  expect(upstream.violations).toEqual([]);
});

test("a full video spool holds the device back and takes no room from records", async () => {
  const gateway = await openSpool(new RamDisk(), { bytesMax: 200, waitMs: 10 });
  gateways.push(gateway);
  const camera = new Camera();
  for (let n = 0; n < 3; n++) camera.capture(nth(n));
  await camera.connect(gateway.ingest);
  expect(camera.isDone).toBe(false);
  await gateway.ingest.publish(new Session("cam", DEVICE, undefined), "streams/s/k", Buffer.from("21.5"));
  expect(gateway.spool.records).toBe(1);
});

test.each([
  ["noise", Buffer.from("noise"), "malformed-envelope"],
  [
    "no piece",
    encodeVideoEnvelope({ spoolId: "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d", lane: 2, sequence: 0, piece: Buffer.of(1) }),
    "malformed-piece",
  ],
])("%s is put aside", async (_what, payload, reason) => {
  const gateway = await openSpool(new RamDisk());
  gateways.push(gateway);
  await gateway.ingest.publish(new Session("cam/video", DEVICE, undefined), videoTopic(DEVICE), payload);
  expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason, device: DEVICE }]);
});

test.each<[string, Partial<{ device: string; publish: string[]; lane: number }>, string]>([
  ["to a stream that no filter of the user allows", { publish: ["streams/#", "video/back-yard"] }, "not-allowed"],
  ["in a lane that is none of video", { lane: lanes.recordsLive }, "unsupported-version"],
  ["as another device", { device: "pi-2" }, "not-own-device"],
])("a piece %s does not reach the spool", async (_what, given, reason) => {
  const gateway = await openSpool(new RamDisk());
  gateways.push(gateway);
  const { device = DEVICE, publish = ["video/#"], lane = lanes.videoLive } = given;
  const session = new Session("cam/video", DEVICE, { name: DEVICE, hash: "", publish });
  const spoolId = "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d";
  const payload = encodeVideoEnvelope({ spoolId, lane, sequence: 0, piece: encodePiece(piecesOf(0, nth(0))[0]!) });
  await gateway.ingest.publish(session, videoTopic(device), payload).catch(() => undefined);
  const letters = await readDeadLetters(gateway.log);
  expect(session.failure?.code ?? letters[0]?.["reason"]).toBe(reason);
  expect(gateway.log.shards()).not.toContain("video/door");
});

/** Numbers from 0 up to below 1 that a seed decides. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Not often enough within one fragment to make that the one to blame. */
function faultOf(random: () => number, before: number): VideoFault {
  const roll = before < 3 ? random() : 1;
  if (roll < 0.15) return { kind: "lost" };
  if (roll < 0.3) return { kind: "lost-answer" };
  return roll < 0.35 ? { kind: "error", errorId: 5000 } : { kind: "none" };
}

/** Opens the gateway, sends and forwards, until all is done or the power goes. */
async function live(disk: RamDisk, upstream: ExactVideoUpstream, camera: Camera, random: () => number): Promise<void> {
  let gateway: SpoolOnDisk | undefined;
  try {
    gateway = await openSpool(disk, { videoUpstream: upstream, clock: time });
    while (!disk.isOff && !(camera.isDone && gateway.videoSpool.bytes === 0)) {
      await camera.connect(gateway.ingest, 1 + Math.floor(random() * 8));
      if (random() < 0.3) await gateway.videoSpool.sweep();
      // What waits is late then, and goes by the other lane.
      if (random() < 0.2) time.nowMs += 6_000;
      await nextTurn();
    }
    if (!disk.isOff) await gateway.log.close();
  } catch (error) {
    if (!disk.isOff) throw error;
  }
  await gateway?.stop();
}

test("wherever a connection breaks or the power goes: every fragment arrives once, as it was captured", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(fc.nat(150), { maxLength: 5 }), fc.nat(4), async (seed, cuts, kept) => {
      const random = seeded(seed);
      const upstream = new ExactVideoUpstream();
      const faults = new Map<number, number>();
      upstream.fault = ({ timecodeMs }) => {
        const before = faults.get(timecodeMs) ?? 0;
        faults.set(timecodeMs, before + 1);
        return faultOf(random, before);
      };
      const camera = new Camera();
      for (let n = 0; n < 12; n++) camera.capture(nth(n));
      let disk = new RamDisk();
      for (const cut of cuts) {
        disk.powerCutAfter = cut;
        await live(disk, upstream, camera, random);
        disk = disk.powerOn((unsynced) => Math.floor((unsynced * kept) / 4));
      }
      await live(disk, upstream, camera, random);
      expect(upstream.violations).toEqual([]);
      const arrived = upstream.taken.toSorted((a, b) => a.timecodeMs - b.timecodeMs);
      expect(arrived.map(({ timecodeMs }) => timecodeMs)).toEqual(
        Array.from({ length: 12 }, (_, n) => nth(n).producerMs),
      );
      expect(arrived.map(({ frames }) => frames.map(({ data }) => data))).toEqual(
        Array.from({ length: 12 }, (_, n) => nth(n).frames),
      );
    }),
    { numRuns: 12 },
  );
});
