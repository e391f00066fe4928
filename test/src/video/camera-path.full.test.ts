import { createHash } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import type { Part } from "../harness/part.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { fragmentsOf, piecesOf } from "./camera-archive.js";
import { VideoClients } from "./cloud-reader.js";

const stream = "front-door";

async function metric(part: Part, name: string): Promise<number> {
  return Number(
    new RegExp(`^headwater_${name}(?:\\{.*\\})? ([\\d.]+)$`, "m").exec(await part.get("/metrics"))?.[1] ?? 0,
  );
}

test("over an outage and a kill of the device, the cloud has every fragment of the archive once, frame for frame", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const gateway = await startGateway(scope, cloud.url, { flags: { "create-streams": true } });
  const data = await scope.directory("device");
  const cameras = [{ stream, source: "test-pattern", width: 640, height: 360 }];
  const device = await startDevice(
    scope,
    { id: "pi-1", gateway: gateway.address("mqtt").replace(/^tcp/, "mqtt"), cameras, hostSensor: { enabled: false } },
    { flags: { data } },
  );
  const pieces = (): Promise<number> => metric(device, "device_camera_stored_pieces_total");
  const morePieces = async (count: number): Promise<void> => {
    const before = await pieces();
    await until(`${count} more pieces`, async () => (await pieces()) >= before + count);
  };
  await morePieces(15);
  await gateway.kill("SIGKILL");
  // Eight seconds: more than the live lane waits.
  await morePieces(40);
  await gateway.restart();
  await until("the connection", async () => (await metric(device, "device_video_connected")) === 1);
  await morePieces(10);
  await device.kill("SIGKILL");
  await device.restart();
  await morePieces(20);
  await device.stop();
  const kept = fragmentsOf(await piecesOf(data, stream));
  expect(kept.length).toBeGreaterThan(5);

  // What was not acknowledged goes when the device is there again; it captures meanwhile.
  await device.restart();
  const clients = new VideoClients(scope, cloud.url);
  const times = async (): Promise<number[]> =>
    (await clients.list(stream)).map(({ ProducerTimestamp }) => ProducerTimestamp?.getTime() ?? 0);
  await until(
    () => `${kept.length} fragments\n${gateway.child.describe()}`,
    async () => (await times()).length >= kept.length,
  );
  const read = (await clients.read(stream, (await times()).length)).toSorted((a, b) => a.producerMs - b.producerMs);
  expect(await gateway.get("/metrics")).toMatch(
    /^headwater_gateway_video_fragments_persisted_total\{lane="backfill"\} [1-9]/m,
  );
  expect(new Set(read.map(({ producerMs }) => producerMs)).size).toBe(read.length);
  const expected = kept.map(({ frames }) => frames.map(({ data }) => digestOf(data)));
  expect(read.slice(0, kept.length).map(({ frames }) => frames.map(digestOf))).toEqual(expected);
});

function digestOf(frame: Uint8Array): string {
  return createHash("sha256").update(frame).digest("hex");
}
