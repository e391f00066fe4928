import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAvcC, sliceUnitsOf } from "@headwater/protocol/h264";
import { MatroskaReader } from "@headwater/protocol/matroska";
import { expect, onTestFinished, test } from "vitest";
import type { Part } from "../harness/part.js";
import { startDevice } from "../harness/parts.js";
import { descendantsOf, isAlive, type ProcessIdentity } from "../harness/process-tree.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { type ArchivedFragment, fragmentsOf, piecesOf } from "./camera-archive.js";
import { marksOf } from "./camera-barcode.js";
import { SimulatedCamera } from "./simulated-camera.js";

const stream = "front-door";
/** Nobody is there. */
const gateway = "mqtt://127.0.0.1:9";

interface Bench {
  readonly scope: Scope;
  readonly data: string;
  readonly device: Part;
}

async function start(camera: Record<string, unknown>): Promise<Bench> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const data = await scope.directory("camera");
  const cameras = [{ stream, width: 640, height: 360, ...camera }];
  const device = await startDevice(
    scope,
    { id: "pi-1", gateway, cameras, hostSensor: { enabled: false } },
    { flags: { data } },
  );
  return { scope, data, device };
}

/** ffmpeg whose output is also kept in a file. */
async function tapped(scope: Scope): Promise<{ readonly program: string; readonly file: string }> {
  const directory = await scope.directory("tap");
  const [program, file] = [join(directory, "ffmpeg"), join(directory, "output.mkv")];
  await writeFile(program, `#!/bin/bash\nexec ffmpeg "$@" > >(tee '${file}')\n`);
  await chmod(program, 0o755);
  return { program, file };
}

const frames = async (device: Part): Promise<number> =>
  Number(/^headwater_device_camera_frames_total\{.*\} (\d+)$/m.exec(await device.get("/metrics"))?.[1] ?? 0);

const captures = (device: Part): ProcessIdentity[] =>
  descendantsOf(device.pid).filter(({ command }) => command.includes("matroska"));

/** How often captures ended by themselves, by cause. */
async function faults(device: Part, cause: string): Promise<number> {
  const pattern = new RegExp(`^headwater_device_camera_faults_total\\{.*cause="${cause}"\\} (\\d+)$`, "m");
  return Number(pattern.exec(await device.get("/metrics"))?.[1] ?? 0);
}

async function moreFrames(device: Part, count: number): Promise<void> {
  const before = await frames(device);
  await until(`${count} more frames\n${device.child.describe()}`, async () => (await frames(device)) >= before + count);
}

/** Stops the device, which must take its children with it, and answers what it kept, all of which must decode. */
async function archiveOf({ data, device }: Bench): Promise<ArchivedFragment[]> {
  const children = captures(device);
  await device.stop();
  await until("the end of what the device started", () => !children.some(isAlive));
  const fragments = fragmentsOf(await piecesOf(data, stream));
  for (const { frames, isEnded, tracks } of fragments) {
    const video = tracks.find(({ type }) => type === "video");
    expect(isEnded && frames[0]?.isKey === true && frames[0].timeMs === 0).toBe(true);
    expect(frames.find(({ track }) => track === video?.number)?.isKey).toBe(true);
  }
  return fragments;
}

test("what ffmpeg writes is what the archive keeps: every slice of every frame, every number of the barcode", async () => {
  const taps = new Scope();
  onTestFinished(() => taps.close());
  const { program, file } = await tapped(taps);
  const bench = await start({ source: "test-pattern", program });
  await moreFrames(bench.device, 150);
  expect(captures(bench.device)).not.toEqual([]);
  const fragments = await archiveOf(bench);
  const kept = fragments.flatMap(({ frames }) => frames);
  const codecPrivate = fragments[0]?.tracks[0]?.codecPrivate ?? Buffer.of();
  const { lengthBytes } = parseAvcC(codecPrivate);
  const slicesOf = (frame: Uint8Array): string[] =>
    sliceUnitsOf(frame, lengthBytes).map((slice) => Buffer.from(slice).toString("base64"));

  const written = framesIn(await readFile(file));
  // The pipe may hold what the agent no longer read when it was told to stop.
  expect(kept.length).toBeGreaterThanOrEqual(150);
  expect(written.length - kept.length).toBeLessThanOrEqual(30);
  expect(kept.map(({ data }) => slicesOf(data))).toEqual(written.slice(0, kept.length).map(slicesOf));

  const frameBytes = kept.map(({ data }) => data);
  const marks = marksOf(codecPrivate, frameBytes);
  expect(marks.map(({ frameNumber }) => frameNumber)).toEqual(kept.map((_, i) => i));
  const clocks = marks.map(({ clock }) => clock);
  expect(clocks).toEqual(clocks.toSorted((a, b) => a - b));
});

test("a camera on the network is passed on with its sound, and its password is not told", async () => {
  const cameras = new Scope();
  onTestFinished(() => cameras.close());
  const camera = await SimulatedCamera.start(cameras, ["--audio", "--user", "admin", "--password", "p@ss"]);
  const bench = await start({ source: camera.url.replace("//", "//admin:p@ss@") });
  await moreFrames(bench.device, 100);
  await camera.vanish();
  await until("the fault", async () => (await faults(bench.device, "ended")) > 0);
  const fragments = await archiveOf(bench);
  expect(fragments[0]?.tracks.map(({ codecId }) => codecId).sort()).toEqual(["A_MS/ACM", "V_MPEG4/ISO/AVC"]);
  const numbers = fragments[0]?.tracks.map(({ number }) => number);
  expect(new Set(fragments.flatMap(({ frames }) => frames.map(({ track }) => track)))).toEqual(new Set(numbers));
  const said = bench.device.child.describe();
  expect(said).toContain("no video from rtsp://***@127.0.0.1");
  expect(said).not.toContain("p@ss");
});

test("GStreamer passes a camera on as well, with its sound as AAC where that is wanted", async () => {
  const cameras = new Scope();
  onTestFinished(() => cameras.close());
  const flags = ["--audio", "--user", "admin", "--password", 'p@s"s'];
  const camera = await SimulatedCamera.start(cameras, flags);
  const source = camera.url.replace("//", "//admin:p%40s%22s@");
  const bench = await start({ source, program: "gst-launch-1.0", audio: "aac" });
  await moreFrames(bench.device, 100);
  const fragments = await archiveOf(bench);
  expect(fragments[0]?.tracks.map(({ codecId }) => codecId).sort()).toEqual(["A_AAC", "V_MPEG4/ISO/AVC"]);
  expect(fragments.flatMap(({ frames }) => frames).length).toBeGreaterThanOrEqual(100);
});

test("a program that is killed is started again, and costs no fragment its end", async () => {
  const bench = await start({ source: "test-pattern" });
  await moreFrames(bench.device, 30);
  for (const { pid } of captures(bench.device)) process.kill(pid, "SIGKILL");
  await until("the fault", async () => (await faults(bench.device, "ended")) === 1);
  await moreFrames(bench.device, 30);
  const fragments = await archiveOf(bench);
  // The second capture numbers its frames anew.
  const numbers = fragments.flatMap(({ frames, tracks }) =>
    marksOf(
      tracks[0]?.codecPrivate ?? Buffer.of(),
      frames.map(({ data }) => data),
    ).map((mark) => mark.frameNumber),
  );
  const second = numbers.lastIndexOf(0);
  expect(second).toBeGreaterThanOrEqual(30);
  expect(numbers).toEqual(numbers.map((_, i) => (i < second ? i : i - second)));
});

test("a program that freezes is ended and started again", async () => {
  const bench = await start({ source: "test-pattern" });
  await moreFrames(bench.device, 30);
  const frozen = captures(bench.device);
  for (const { pid } of frozen) process.kill(pid, "SIGSTOP");
  await until("the watchdog", async () => (await faults(bench.device, "silent")) === 1);
  expect(frozen.some(isAlive)).toBe(false);
  await moreFrames(bench.device, 30);
  await archiveOf(bench);
});

test("a camera that goes and comes back with another picture goes on by itself", async () => {
  const cameras = new Scope();
  onTestFinished(() => cameras.close());
  const camera = await SimulatedCamera.start(cameras);
  const bench = await start({ source: camera.url });
  await moreFrames(bench.device, 60);
  await camera.vanish();
  await until("faults", async () => (await faults(bench.device, "ended")) >= 2);
  await camera.comeBack(["--size", "640x480"]);
  await moreFrames(bench.device, 60);
  const sizes = (await archiveOf(bench)).map(({ tracks }) => tracks[0]?.video?.width);
  expect(sizes.filter((width, i) => width !== sizes[i - 1])).toEqual([320, 640]);
});

test("a device that is killed takes ffmpeg with it, and ends the fragment that was cut off when it starts again", async () => {
  const bench = await start({ source: "test-pattern" });
  await moreFrames(bench.device, 30);
  const children = captures(bench.device);
  await bench.device.kill("SIGKILL");
  await until("the end of what the device started", () => !children.some(isAlive));
  await bench.device.restart();
  await moreFrames(bench.device, 30);
  const fragments = await archiveOf(bench);
  expect(fragments.length).toBeGreaterThanOrEqual(2);
});

function framesIn(matroska: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (const event of new MatroskaReader().push(matroska)) if (event.kind === "frame") frames.push(event.data);
  return frames;
}
