import { expect, onTestFinished, test } from "vitest";
import { startDevice } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { fragmentsOf, piecesOf } from "./camera-archive.js";
import { SimulatedCamera } from "./simulated-camera.js";

const programs = ["ffmpeg", "gst-launch-1.0"] as const;
const sounds = [
  { camera: [], audio: "copy", codec: undefined },
  { camera: [], audio: "aac", codec: undefined },
  { camera: ["--audio", "pcma"], audio: "copy", codec: "A_MS/ACM" },
  { camera: ["--audio", "pcmu"], audio: "copy", codec: "A_MS/ACM" },
  { camera: ["--audio", "pcmu"], audio: "aac", codec: "A_AAC" },
  { camera: ["--audio", "pcma"], audio: "off", codec: undefined },
  { camera: ["--audio", "aac"], audio: "copy", codec: "A_AAC" },
  { camera: ["--audio", "aac"], audio: "aac", codec: "A_AAC" },
] as const;
const cases = sounds.flatMap((sound) => programs.map((program) => ({ ...sound, program })));

test("whatever sound a camera has, either program brings it as it was asked to", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const data = await scope.directory("sound");
  const cameras = await Promise.all(
    cases.map(async ({ camera, audio, program }, i) => {
      const { url } = await SimulatedCamera.start(scope, ["--rate", "10", ...camera]);
      return { stream: `camera-${i}`, source: url, audio, program };
    }),
  );
  const options = { id: "pi-1", gateway: "mqtt://127.0.0.1:9", cameras, hostSensor: { enabled: false } };
  const device = await startDevice(scope, options, { flags: { data } });
  const stored = async (stream: string): Promise<number> =>
    Number(
      new RegExp(`^headwater_device_camera_stored_pieces_total\\{stream="${stream}"\\} (\\d+)$`, "m").exec(
        await device.get("/metrics"),
      )?.[1] ?? 0,
    );
  for (const { stream } of cameras) {
    await until(`video of ${stream}\n${device.child.describe()}`, async () => (await stored(stream)) > 20);
  }
  await device.stop();
  for (const [i, sound] of cases.entries()) {
    const fragments = fragmentsOf(await piecesOf(data, `camera-${i}`));
    const track = fragments[0]?.tracks.find(({ type }) => type === "audio");
    const frames = fragments.flatMap((fragment) => fragment.frames);
    expect({
      ...sound,
      codec: track?.codecId,
      hasSound: frames.some((frame) => frame.track === track?.number),
      hasPicture: frames.some((frame) => frame.track !== track?.number),
    }).toEqual({ ...sound, hasSound: sound.codec !== undefined, hasPicture: true });
  }
});
