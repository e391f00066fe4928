import { clusterStart, documentHeader, simpleBlock, type WrittenTrack } from "@headwater/protocol/matroska";
import { beforeEach, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.js";
import { type ScriptedChild, ScriptedPrograms } from "../testing/scripted-child.js";
import type { CaptureEvent } from "./capture-source.js";
import { type CaptureCommand, ChildCapture, NO_KEY_FRAME_MS_MAX, SILENT_MS_MAX } from "./child-capture.js";

const video: WrittenTrack = { number: 1, type: "video", codecId: "V_MPEGH/ISO/HEVC", language: "und" };
const audio: WrittenTrack = { number: 2, type: "audio", codecId: "A_AAC", language: "und" };
const other: WrittenTrack = { number: 3, type: "audio", codecId: "A_OPUS", language: "und" };
const header = (...tracks: WrittenTrack[]): Buffer => documentHeader({ tracks, writingApp: "test" });
const block = (track: number, isKey: boolean): Buffer =>
  Buffer.concat([clusterStart(0n), ...simpleBlock({ track, relativeTimecode: 0, isKey, data: Buffer.of(track) })]);

let clock: ManualClock;
let programs: ScriptedPrograms;
let events: CaptureEvent[];
let stopping: AbortController;
beforeEach(() => {
  clock = new ManualClock();
  programs = new ScriptedPrograms();
  events = [];
  stopping = new AbortController();
});

const command = (): Promise<CaptureCommand> => Promise.resolve({ program: "ffmpeg", args: ["-i", "x"] });

/** Captures until it ends; answers how. */
async function capture(): Promise<unknown> {
  const source = new ChildCapture({ name: "camera", command, start: programs.start, clock });
  try {
    for await (const event of source.capture(stopping.signal)) events.push(event);
    return "ended";
  } catch (error) {
    return error;
  }
}

async function started(): Promise<ScriptedChild> {
  await expect.poll(() => programs.children.length, { interval: 1 }).toBe(1);
  const [child] = programs.children;
  if (child === undefined) throw new Error("no child");
  return child;
}

const frames = (): number => events.filter(({ kind }) => kind === "frame").length;

/** Lets time pass in steps, so that whoever watches can look. */
async function pass(ms: number, write: () => void = () => undefined): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    write();
    await new Promise(setImmediate);
    clock.advance(500);
    await new Promise(setImmediate);
  }
}

test("an init, then the frames of one video and one audio track", async () => {
  const capturing = capture();
  const child = await started();
  child.stdout.write(Buffer.concat([header(video, audio, other), block(1, true), block(2, false), block(3, true)]));
  await expect.poll(frames, { interval: 1 }).toBe(2);
  child.exit(0);
  expect(await capturing).toMatchObject({ fault: "ended", message: "ffmpeg ended with exit code 0" });
  expect(events).toMatchObject([
    { kind: "init", tracks: [{ number: 1 }, { number: 2 }] },
    { kind: "frame", track: 1, isKey: true },
    { kind: "frame", track: 2, isKey: true },
  ]);
  expect(programs.commands).toEqual(["ffmpeg -i x"]);
});

test("a program that ends says why, without credentials", async () => {
  const capturing = capture();
  const child = await started();
  child.say("[rtsp] a\nrtsp://admin:secret@camera/: Connection ref");
  child.say("used\n");
  child.exit(1);
  const message = "ffmpeg ended with exit code 1: [rtsp] a | rtsp://***@camera/: Connection refused";
  expect(await capturing).toMatchObject({ fault: "ended", message });
});

test("a program that gives no byte is ended, and killed where it does not listen", async () => {
  const capturing = capture();
  const child = await started();
  child.deadly = ["SIGKILL"];
  child.stdout.write(header(video));
  await pass(SILENT_MS_MAX - 1_000);
  expect(child.signals).toEqual([]);
  await pass(2_000);
  expect(child.signals).toEqual(["SIGTERM"]);
  await pass(2_500);
  expect(child.signals).toEqual(["SIGTERM", "SIGKILL"]);
  expect(await capturing).toMatchObject({ fault: "silent", message: expect.stringMatching(/^no data for \d+ ms$/) });
});

test("bytes without key frames are not enough", async () => {
  const capturing = capture();
  const child = await started();
  child.stdout.write(Buffer.concat([header(video, audio), block(1, true)]));
  await pass(NO_KEY_FRAME_MS_MAX - 1_000, () => child.stdout.write(block(2, true)));
  expect(child.signals).toEqual([]);
  await pass(2_000, () => child.stdout.writable && child.stdout.write(block(1, false)));
  expect(child.signals).toEqual(["SIGTERM"]);
  expect(await capturing).toMatchObject({ fault: "silent", message: expect.stringMatching(/^no key frame for/) });
});

test("key frames keep it alive", async () => {
  const capturing = capture();
  const child = await started();
  child.stdout.write(header(video));
  await pass(2 * NO_KEY_FRAME_MS_MAX, () => child.stdout.write(block(1, true)));
  expect(child.signals).toEqual([]);
  stopping.abort();
  expect(await capturing).toBe("ended");
});

test("an abort ends the program, and no error is told; one that hangs is killed", async () => {
  const capturing = capture();
  const child = await started();
  child.deadly = ["SIGKILL"];
  stopping.abort();
  await expect.poll(() => child.signals, { interval: 1 }).toEqual(["SIGTERM"]);
  clock.advance(2_000);
  expect(await capturing).toBe("ended");
  expect(child.signals).toEqual(["SIGTERM", "SIGKILL"]);
});

test("an abort before the program starts starts none", async () => {
  stopping.abort();
  expect(await capture()).toBe("ended");
  expect(programs.children).toEqual([]);
});

test.each([
  ["no Matroska", Buffer.from("Press [q] to stop"), "malformed"],
  ["no video", header(audio), "unsupported"],
  ["another codec", header({ ...video, codecId: "V_MJPEG" }), "unsupported"],
])("%s ends the program", async (_name, bytes, fault) => {
  const capturing = capture();
  const child = await started();
  child.stdout.write(Buffer.concat([bytes, block(1, true)]));
  expect(await capturing).toMatchObject({ fault });
  expect(child.signals).toEqual(["SIGTERM"]);
});

test("a program that not even SIGKILL ends, as a driver can hold one, is not waited for", async () => {
  const capturing = capture();
  const child = await started();
  child.deadly = [];
  child.stdout.write(header(video));
  await pass(SILENT_MS_MAX + 5_000);
  expect(child.signals).toEqual(["SIGTERM", "SIGKILL"]);
  expect(await capturing).toMatchObject({ fault: "silent", message: expect.stringContaining("no data for") });
});
