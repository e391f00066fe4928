import { beforeEach, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.js";
import { type ScriptedChild, ScriptedPrograms } from "../testing/scripted-child.js";
import { ASK_MS_MAX, askCamera } from "./ask-camera.js";
import { type CameraStreams, streamsFromFfmpeg } from "./camera-streams.js";

let clock: ManualClock;
let programs: ScriptedPrograms;
let stopping: AbortController;
beforeEach(() => {
  clock = new ManualClock();
  programs = new ScriptedPrograms();
  stopping = new AbortController();
});

const STREAM = "  Stream #0:0: Video: h264 (Main), yuv420p, 30 fps\n";

async function ask(script: (child: ScriptedChild) => void): Promise<CameraStreams> {
  const command = { program: "ffmpeg", args: ["-i", "x"] };
  const asking = askCamera(command, streamsFromFfmpeg, programs.start, clock, stopping.signal);
  await expect.poll(() => clock.sleeping, { interval: 1 }).toBe(1);
  const [child] = programs.children;
  if (child === undefined) throw new Error("no child");
  script(child);
  return asking;
}

test("what the program says is read when it has ended, whatever its exit code", async () => {
  const streams = await ask((child) => {
    child.say(STREAM.slice(0, 20));
    child.say(STREAM.slice(20));
    child.exit(1);
  });
  expect(streams).toEqual({ video: "h264", audio: "none" });
});

test("a program that saw no camera says why, without credentials", async () => {
  const asking = ask((child) => {
    child.say("rtsp://admin:secret@camera/: Server returned 401 Unauthorized\n");
    child.exit(1);
  });
  const message = "ffmpeg saw no camera: rtsp://***@camera/: Server returned 401 Unauthorized";
  await expect(asking).rejects.toMatchObject({ fault: "ended", message });
});

test("a camera that does not answer is not waited for; what it said until then counts", async () => {
  const silent = ask(() => clock.advance(ASK_MS_MAX));
  await expect(silent).rejects.toMatchObject({ fault: "silent" });
  expect(programs.children[0]?.signals).toEqual(["SIGTERM"]);

  programs.children.length = 0;
  const streams = await ask((child) => {
    child.stdout.write(STREAM);
    setImmediate(() => clock.advance(ASK_MS_MAX));
  });
  expect(streams.video).toBe("h264");
});

test("an abort ends the program", async () => {
  const asking = ask(() => stopping.abort());
  await expect(asking).rejects.toMatchObject({ name: "CaptureError" });
  expect(programs.children[0]?.signals).toEqual(["SIGTERM"]);
});

test("memory is bounded, whatever the program says", async () => {
  const asking = ask((child) => {
    child.say("x".repeat(10_000_000));
    child.say(STREAM);
    child.exit(1);
  });
  await expect(asking).rejects.toMatchObject({ fault: "ended" });
});
