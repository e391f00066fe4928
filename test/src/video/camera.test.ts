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
import { fragmentsOf, piecesOf } from "./camera-archive.js";
import { marksOf } from "./camera-barcode.js";

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

test("what ffmpeg writes is what the archive keeps: every slice of every frame, every number of the barcode", async () => {
  const taps = new Scope();
  onTestFinished(() => taps.close());
  const { program, file } = await tapped(taps);
  const { data, device } = await start({ source: "test-pattern", program });
  await until("150 frames", async () => (await frames(device)) >= 150);
  const children = captures(device);
  expect(children.length).toBeGreaterThan(0);
  await device.stop();
  await until("the end of what the device started", () => !children.some(isAlive));

  const fragments = fragmentsOf(await piecesOf(data, stream));
  expect(fragments.every(({ isEnded }) => isEnded)).toBe(true);
  expect(fragments.every(({ frames }) => frames[0]?.isKey === true && frames[0].timeMs === 0)).toBe(true);
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

function framesIn(matroska: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (const event of new MatroskaReader().push(matroska)) if (event.kind === "frame") frames.push(event.data);
  return frames;
}
