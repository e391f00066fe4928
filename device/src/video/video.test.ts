import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { lanes } from "@headwater/protocol";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceClock } from "../clock/device-clock.js";
import { systemClock } from "../clock/system-clock.js";
import { FailingDisk } from "../testing/failing-disk.js";
import { type Fate, ScriptedGateway } from "../testing/scripted-gateway.js";
import { PieceGateway } from "./testing/piece-gateway.js";
import { ScriptedCamera } from "./testing/scripted-camera.js";
import { type CameraState, Video } from "./video.js";

const FASTER = 100;
const at = (afterTurns: number): Fate => ({ kind: "acknowledged", afterTurns });

let directory: string;
const open: Video[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "video-"));
});
afterEach(async () => {
  for (const video of open.splice(0)) await video.close();
  await rm(directory, { recursive: true });
});

/** A clock that runs a hundred times as fast as the machine's. */
async function fastClock(): Promise<DeviceClock> {
  const clock = await systemClock(true);
  const monotonicMs = (): number => clock.monotonicMs() * FASTER;
  return {
    ...clock,
    monotonicMs,
    now: () => Date.UTC(2027, 0, 1) + monotonicMs(),
    sleep: (ms, signal) => clock.sleep(ms / FASTER, signal),
  };
}

/** A device with one camera, and the gateway that it sends to. */
class Bench {
  readonly camera = new ScriptedCamera();
  readonly pieces = new PieceGateway();
  readonly gateway: ScriptedGateway;
  readonly disk = new FailingDisk();
  readonly sent: string[] = [];
  video!: Video;
  #clock!: DeviceClock;
  #taken = 0;

  constructor(
    readonly data: string,
    fate: () => Fate = () => at(0),
  ) {
    this.gateway = new ScriptedGateway(fate);
  }

  async start(archive = { bytesMax: 2 ** 30, hoursMax: 24 }): Promise<this> {
    this.#clock = await fastClock();
    const picture = { width: 16, height: 16, framesPerSecond: 30 };
    const source = { kind: "test-pattern" } as const;
    const camera = { stream: "door", source, audio: "off", program: "ffmpeg", picture, archive } as const;
    this.video = await Video.open(
      { device: "pi-1", data: this.data, cameras: [camera], report: () => undefined },
      {
        disk: this.disk,
        clock: this.#clock,
        connect: this.gateway.connect,
        openCamera: () => this.camera,
        random: () => 0,
      },
    );
    open.push(this.video);
    return this;
  }

  async stop(): Promise<void> {
    await this.video.close();
    open.splice(open.indexOf(this.video), 1);
  }

  /** Sends one group of pictures, a second long, and waits until it is taken. */
  async sendGop(frames: number, bytes = 100): Promise<void> {
    const firstMs = this.#clock.monotonicMs();
    for (let i = 0; i < frames; i++) {
      const text = `frame ${this.sent.length}`;
      this.sent.push(text);
      this.camera.send(firstMs + (i * 1000) / frames, i === 0, Buffer.from(text.padEnd(bytes)));
    }
    await this.until("the camera's frames to be taken", () => this.camera.isIdle);
    // The next group of pictures is so much later.
    const nextMs = firstMs + 1000;
    await this.until("the next second", () => this.#clock.monotonicMs() >= nextMs);
  }

  /** Lets the gateway go on until something holds. */
  async until(awaited: string, probe: () => boolean): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!probe()) {
      if (performance.now() > deadline)
        throw new Error(`in vain for ${awaited}: ${JSON.stringify(this.video.state())}`);
      this.gateway.turn();
      const { taken } = this.gateway;
      for (; this.#taken < taken.length; this.#taken++) this.pieces.take(taken[this.#taken]?.payload ?? Buffer.of());
      await setImmediate();
    }
  }

  /** Ends the capture and waits until the gateway has acknowledged everything. */
  async flushed(): Promise<void> {
    const ended = this.#camera.captures;
    this.camera.fail();
    await this.until("the capture's end, and all it gave", () => {
      const { captures, droppedFrames, unsentPieces } = this.#camera;
      const dropped = Object.values(droppedFrames).reduce((sum, count) => sum + count, 0);
      const isAllThere = this.arrived.length + dropped >= this.sent.length;
      const isEnded = this.pieces.fragments.every((fragment) => fragment.isEnded);
      return captures > ended && isAllThere && isEnded && unsentPieces === 0;
    });
  }

  get #camera(): CameraState {
    const [camera] = this.video.state().cameras;
    if (camera === undefined) throw new Error("no camera");
    return camera;
  }

  /** All frames that arrived, in the order of their fragments' numbers. */
  get arrived(): string[] {
    const { fragments } = this.pieces;
    return fragments
      .toSorted((a, b) => a.fragment - b.fragment)
      .flatMap(({ frames }) => frames.map((frame) => frame.toString().trim()));
  }
}

test("frames arrive as fragments, complete and dated", async () => {
  const bench = await new Bench(join(directory, "a")).start();
  for (let i = 0; i < 4; i++) await bench.sendGop(10, i === 2 ? 200_000 : 100);
  await bench.flushed();
  expect(bench.arrived).toEqual(bench.sent);
  expect(bench.pieces.faults).toEqual([]);
  expect(bench.pieces.fragments.map(({ isEnded }) => isEnded)).toEqual([true, true, true, true]);
  expect(bench.gateway.taken[0]?.topic).toBe("headwater/1/pi-1/video");
  const inOrder = bench.pieces.fragments.toSorted((a, b) => a.fragment - b.fragment);
  const times = inOrder.map(({ producerMs }) => producerMs - Date.UTC(2027, 0, 1));
  expect(times.every((time, i) => time > (times[i - 1] ?? 0))).toBe(true);
  expect(bench.video.state()).toMatchObject({
    cameras: [{ stream: "door", frames: 40, droppedFrames: {}, disk: "ok", captures: 2 }],
  });
});

test("after an outage the newest goes live at once, and what waited goes by backfill, oldest first", async () => {
  const bench = await new Bench(join(directory, "a")).start();
  await bench.sendGop(5);
  await bench.flushed();
  bench.gateway.isReachable = false;
  bench.gateway.cut();
  for (let i = 0; i < 12; i++) await bench.sendGop(5);
  bench.gateway.isReachable = true;
  await bench.until("the connection", () => bench.video.state().uplink.connected);
  await bench.sendGop(5);
  await bench.flushed();
  await bench.stop();
  const { faults, fragments } = bench.pieces;
  expect(faults).toEqual([]);
  const late = fragments.filter(({ lane }) => lane === lanes.videoBackfill).map(({ fragment }) => fragment);
  expect(late.length).toBeGreaterThanOrEqual(6);
  expect(late).toEqual(late.toSorted((a, b) => a - b));
  expect(bench.arrived).toEqual(bench.sent.slice(0, bench.arrived.length));
});

test("a full disk loses whole groups of pictures, counted, and is over when there is space", async () => {
  const bench = await new Bench(join(directory, "a")).start();
  await bench.sendGop(5);
  bench.disk.failure = "ENOSPC";
  for (let i = 0; i < 3; i++) await bench.sendGop(5);
  const full = bench.video.state().cameras[0];
  expect(full).toMatchObject({ disk: "disk-full" });
  bench.disk.failure = undefined;
  for (let i = 0; i < 2; i++) await bench.sendGop(5);
  await bench.until("the disk", () => bench.video.state().cameras[0]?.disk === "ok");
  const dropped = bench.video.state().cameras[0]?.droppedFrames["disk-full"] ?? 0;
  await bench.flushed();
  expect(dropped).toBeGreaterThanOrEqual(5);
  expect(bench.arrived.length).toBe(bench.sent.length - dropped);
  expect(bench.pieces.faults).toEqual([]);
  expect(bench.pieces.fragments.every(({ isEnded }) => isEnded)).toBe(true);
});

type Trouble = "nothing" | "away" | "back" | "camera ends" | "restart";

test("whatever happens, every fragment arrives once, whole, in one lane and with one time", () => {
  const fate: fc.Arbitrary<Fate> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("acknowledged" as const), afterTurns: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("taken-then-dies" as const), afterTurns: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("lost" as const), afterTurns: fc.nat(5) }) },
  );
  const trouble = fc.constantFrom<Trouble>("nothing", "nothing", "away", "back", "camera ends", "restart");
  const step = fc.record({
    trouble,
    frames: fc.integer({ min: 1, max: 8 }),
    bytes: fc.integer({ min: 20, max: 90_000 }),
  });
  let run = 0;
  return fc.assert(
    fc.asyncProperty(
      fc.array(fate, { maxLength: 40 }),
      fc.array(step, { minLength: 1, maxLength: 14 }),
      async (fates, steps) => {
        const script = fates.values();
        const bench = await new Bench(join(directory, `run-${run++}`), () => script.next().value ?? at(0)).start();
        for (const { trouble, frames, bytes } of steps) {
          if (trouble === "away") {
            bench.gateway.isReachable = false;
            bench.gateway.cut();
          }
          if (trouble === "back") bench.gateway.isReachable = true;
          await bench.sendGop(frames, bytes);
          if (trouble === "camera ends") bench.camera.fail();
          if (trouble === "restart") {
            await bench.stop();
            await bench.start();
          }
        }
        bench.gateway.isReachable = true;
        await bench.until("the camera", () => bench.camera.isIdle);
        await bench.flushed();
        await bench.stop();
        expect(bench.pieces.faults).toEqual([]);
        expect(bench.pieces.fragments.every(({ isEnded }) => isEnded)).toBe(true);
        expect(bench.arrived).toEqual(bench.sent);
      },
    ),
    { numRuns: 8 },
  );
});
