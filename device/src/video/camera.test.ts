import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceEvent } from "../report.js";
import { ManualClock } from "../testing/manual-clock.js";
import type { LossListener, PieceStore } from "./archive/video-archive.js";
import { Camera } from "./camera.js";
import { CaptureError } from "./capture/capture-source.js";
import type { CutPiece } from "./fragment/fragment-cutter.js";
import { ScriptedCamera } from "./testing/scripted-camera.js";

class Shelf implements PieceStore {
  readonly stream = "door";
  readonly pieces: CutPiece[] = [];
  isFull = false;
  listener: LossListener | undefined;

  listen(listener: LossListener): void {
    this.listener = listener;
  }
  put(pieces: readonly CutPiece[]): boolean {
    if (!this.isFull) this.pieces.push(...pieces);
    return !this.isFull;
  }
  settled(): Promise<void> {
    return Promise.resolve();
  }
}

let clock: ManualClock;
let source: ScriptedCamera;
let shelf: Shelf;
let camera: Camera;
let events: DeviceEvent[];
let stopping: AbortController;
let running: Promise<void>;
beforeEach(() => {
  [clock, source, shelf, events] = [new ManualClock(), new ScriptedCamera(), new Shelf(), []];
  stopping = new AbortController();
  camera = new Camera({ source, archive: shelf, clock, random: () => 0, report: (event) => events.push(event) });
  running = camera.run(stopping.signal);
});
afterEach(async () => {
  stopping.abort();
  await running;
});

/** Lets everybody do what they can do now. */
async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await turn();
    clock.advance(50);
  }
  await turn();
}

async function send(timecodeMs: number, isKey = false): Promise<void> {
  source.send(timecodeMs, isKey, Buffer.of(1));
  await turn();
}

const times = (): number[] =>
  shelf.pieces.flatMap(({ fragmentMs, slices }) => slices.map((s) => fragmentMs + s.timeMs));

test("what comes in a burst was captured before: its times say so", async () => {
  const arrivedMs = clock.monotonicMs();
  for (let i = 0; i <= 20; i++) source.send(i * 40, i === 0, Buffer.of(i));
  await pass(300);
  source.send(1040, false, Buffer.of(1));
  await pass(300);
  expect(times()[0]).toBe(arrivedMs - 800);
  expect(times().at(-1)).toBe(arrivedMs + 240);
});

test("a frame waits for others no longer than a piece may", async () => {
  await send(0, true);
  await pass(300);
  const { length } = shelf.pieces;
  await send(300);
  await pass(150);
  expect(shelf.pieces).toHaveLength(length);
  await pass(100);
  expect(shelf.pieces).toHaveLength(length + 1);
});

test("while the disk is too slow, whole groups of pictures are dropped and counted", async () => {
  await send(0, true);
  await pass(300);
  shelf.isFull = true;
  await send(300);
  await pass(250);
  await send(550);
  shelf.isFull = false;
  await send(560);
  await send(1000, true);
  await pass(250);
  expect(camera.status()).toMatchObject({
    frames: 5,
    droppedFrames: { "queue-full": 3 },
    droppedGops: { "queue-full": 1 },
  });
  expect(shelf.pieces.map(({ index }) => index)).toEqual([0, 0]);
});

test("a fragment of which pieces were lost goes no further", async () => {
  await send(0, true);
  await pass(300);
  shelf.listener?.lost("disk-full", 1, true);
  await send(300);
  await send(1000, true);
  await pass(250);
  expect(camera.status().droppedFrames).toEqual({ "disk-full": 2 });
  expect(shelf.pieces.map(({ index }) => index)).toEqual([0, 0]);
});

test("a capture that ends is tried again, ever later; the fault is told once, and its end", async () => {
  await send(0, true);
  await pass(300);
  source.fail();
  await turn();
  expect(shelf.pieces.at(-1)).toMatchObject({ isLast: true });
  for (let i = 0; i < 5; i++) {
    source.fail(new CaptureError("ended", "nobody there"));
    await pass(1000);
  }
  const { captures } = source;
  await pass(120_000);
  expect(source.captures - captures).toBeLessThanOrEqual(2);
  await send(0, true);
  expect(events.map(({ message }) => message)).toEqual([
    "no video from scripted for door: the script says so",
    "the camera of door sends again",
  ]);
  expect(camera.status().isCapturing).toBe(true);
});

test("a bug in a source is told with its stack, and tried again", async () => {
  source.fail(new TypeError("a bug"));
  await pass(1000);
  expect(camera.status()).toMatchObject({ captures: 2, faults: { unexpected: 1 } });
  expect(events).toMatchObject([{ level: "error", message: expect.stringMatching(/a bug\n +at /) }]);
});

test("a time line that breaks costs what comes before the next key frame", async () => {
  await send(0, true);
  await pass(300);
  await send(100_000);
  await send(100_040);
  await send(100_080, true);
  await pass(250);
  expect(camera.status().droppedFrames).toEqual({ "time-jump": 2 });
  const distances = times().map((time) => time - (times()[0] ?? 0));
  expect(distances).toEqual([0, 300]);
});
