import { expect, onTestFinished, test } from "vitest";
import type { Part } from "../harness/part.js";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import { isFull, Random } from "../harness/random.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { type ArchivedFragment, fragmentsOf, piecesOf } from "./camera-archive.js";
import { marksOf } from "./camera-barcode.js";
import { type ReadFragment, VideoClients } from "./cloud-reader.js";
import { SimulatedCamera } from "./simulated-camera.js";

const stream = "front-door";

interface Chain {
  readonly cloud: Part;
  readonly gateway: Part;
  readonly device: Part;
  readonly deviceData: string;
  readonly clients: VideoClients;
}

/** A camera, and everything that its picture goes through. */
async function start(camera: Record<string, unknown>): Promise<Chain> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const gateway = await startGateway(scope, cloud.url, { flags: { "create-streams": true } });
  const deviceData = await scope.directory("camera");
  const cameras = [{ stream, width: 640, height: 360, ...camera }];
  const device = await startDevice(
    scope,
    { id: "pi-1", gateway: gateway.address("mqtt"), cameras, hostSensor: { enabled: false } },
    { flags: { data: deviceData } },
  );
  return { cloud, gateway, device, deviceData, clients: new VideoClients(scope, cloud.url) };
}

const framesOf = async (device: Part): Promise<number> =>
  Number(/^headwater_device_camera_frames_total\{.*\} (\d+)$/m.exec(await device.get("/metrics"))?.[1] ?? 0);

/** What the device spooled, once all of it is in the cloud: the device says that it is, and then stops. */
async function delivered({ device, deviceData, clients }: Chain): Promise<{
  readonly archived: readonly ArchivedFragment[];
  readonly read: readonly ReadFragment[];
}> {
  await device.stop();
  const archived = fragmentsOf(await piecesOf(deviceData, stream)).filter(({ isEnded }) => isEnded);
  await device.restart();
  await until(
    `${archived.length} fragments in the cloud`,
    async () => (await clients.list(stream)).length >= archived.length,
    { deadlineMs: 60_000 },
  );
  await device.stop();
  return { archived, read: await clients.read(stream, archived.length) };
}

function sameFrames(archived: ArchivedFragment, read: ReadFragment): boolean {
  return (
    archived.frames.length === read.frames.length &&
    archived.frames.every(({ data }, i) => data.equals(read.frames[i] ?? Buffer.of()))
  );
}

test("a camera on the network: every frame that the device spooled comes out of GetMedia, in order", async () => {
  const cameras = new Scope();
  onTestFinished(() => cameras.close());
  const camera = await SimulatedCamera.start(cameras);
  const chain = await start({ source: camera.url, audio: "off" });
  const frames = isFull ? 20 * 30 : 200;
  await until(`${frames} frames`, async () => (await framesOf(chain.device)) >= frames, { deadlineMs: 90_000 });
  const { archived, read } = await delivered(chain);
  expect(archived.length).toBeGreaterThan(2);
  archived.forEach((fragment, i) => expect(sameFrames(fragment, read[i]!), `fragment ${i}`).toBe(true));
}, 180_000);

test("kills of device, gateway and cloud, and an outage: every fragment that was committed arrives, once", async () => {
  const random = Random.announced("video crash test");
  const chain = await start({ source: "test-pattern" });
  const { device, gateway, cloud, clients } = chain;
  const moreFrames = async (count: number): Promise<void> => {
    const before = await framesOf(device);
    await until(`${count} more frames`, async () => (await framesOf(device)) >= before + count, { deadlineMs: 60_000 });
  };
  await moreFrames(60);
  for (let kill = 0; kill < (isFull ? 12 : 3); kill++) {
    const victim = random.shuffled([gateway, cloud, device])[0]!;
    await victim.kill("SIGKILL");
    if (victim !== device) await moreFrames(random.between(0, 60));
    await victim.restart();
    await moreFrames(random.between(0, 60));
  }
  await gateway.kill("SIGKILL");
  await moreFrames((isFull ? 20 : 2) * 30);
  await gateway.restart();
  await moreFrames(60);

  const { archived } = await delivered(chain);
  const listed = await clients.list(stream);
  const read = await clients.read(stream, listed.length);
  // Live goes before what was held up, so fragments are compared by their content and not by their place.
  for (const fragment of archived) {
    const arrivals = read.filter((candidate) => sameFrames(fragment, candidate));
    expect(arrivals.length, `fragment ${fragment.fragment} of ${archived.length}`).toBe(1);
  }
  // Each capture numbers its frames anew, and within it none is missing.
  const numbers = archived.flatMap(({ frames, tracks }) =>
    marksOf(
      tracks[0]?.codecPrivate ?? Buffer.of(),
      frames.map(({ data }) => data),
    ).map((mark) => mark.frameNumber),
  );
  numbers.forEach((number, i) => expect(number === 0 || number === numbers[i - 1]! + 1).toBe(true));
}, 300_000);
