import { join } from "node:path";
import { Device, DeviceError } from "@headwater/device/sdk";
import { expect, onTestFinished, test } from "vitest";
import { checkHistories, lostRecords } from "../crash/check-histories.js";
import { MqttProducer } from "../crash/mqtt-producer.js";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import { publishOnce } from "../harness/mqtt.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { callJson } from "../harness/signed-request.js";
import { SmallDisk } from "../harness/small-disk.js";
import { until } from "../harness/until.js";

const DISK_MEBIBYTES = 32;
const RECORD_BYTES = 16 * 1024;

async function setUp(): Promise<{ scope: Scope; disk: SmallDisk; data: string }> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const disk = await SmallDisk.mount(scope, DISK_MEBIBYTES);
  return { scope, disk, data: join(disk.directory, "data") };
}

test("cloud: a full disk is an error to the caller; the service stays up, and recovers when space returns", async () => {
  const { scope, disk, data } = await setUp();
  const cloud = await startCloud(scope, { flags: { data, "no-shard-limits": true } });
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "full", 1);
  const acknowledged: string[] = [];
  const put = async (text: string): Promise<number> => {
    const Data = Buffer.from(text.padEnd(RECORD_BYTES)).toString("base64");
    const { status } = await callJson(cloud.url, "PutRecord", { StreamName: "full", PartitionKey: "k", Data });
    if (status === 200) acknowledged.push(text);
    return status;
  };
  const readTexts = async (): Promise<string[]> =>
    (await readAll(client, "full")).map(({ data: bytes }) => Buffer.from(bytes).toString().trim());

  expect(await put("first")).toBe(200);
  for (let round = 0; round < 3; round++) {
    await disk.fill();
    let count = 0;
    expect(await until("a put to fail", async () => (await put(`${round}.${count++}`)) !== 200 && "failed")).toBe(
      "failed",
    );
    expect(await put(`${round}.full`)).toBe(500);
    expect(await readTexts(), "reads go on").toEqual(expect.arrayContaining(acknowledged));
    await disk.free();
    await until("puts to succeed again", async () => (await put(`${round}.freed`)) === 200);
  }
  const texts = await readTexts();
  expect(texts.filter((text) => acknowledged.includes(text))).toEqual(acknowledged);

  await cloud.kill("SIGKILL");
  await cloud.restart();
  expect(await readTexts()).toEqual(texts);
});

test("gateway: on a full disk there is no PUBACK; it comes when space returns, and nothing is lost", async () => {
  const { scope, disk, data } = await setUp();
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "full", 1);
  const gateway = await startGateway(scope, cloud.url, { flags: { data, "disk-free-bytes-min": 0 } });
  const { pid } = gateway;
  const plain = new MqttProducer(scope, "plain", gateway.address("mqtt"), "full", ["k"]);
  const grows = async (): Promise<void> => {
    const before = plain.acknowledged;
    await until("the client to be served", () => plain.acknowledged >= before + 5);
  };
  const publishLarge = () =>
    publishOnce(gateway.address("mqtt"), {
      clientId: "large",
      topic: "streams/full/ballast",
      payload: Buffer.alloc(RECORD_BYTES),
      deadlineMs: 2_000,
    });

  await grows();
  await disk.fill();
  await until("a message to get no PUBACK", async () => (await publishLarge()) === "not acknowledged");
  await disk.free();
  await until("messages to be acknowledged again", async () => (await publishLarge()) === "acknowledged");
  await grows();
  await plain.finish();
  expect(gateway.pid).toBe(pid);
  const own = async () => (await readAll(client, "full")).filter(({ partitionKey }) => partitionKey === "k");
  await until("all of it to reach the cloud", async () => lostRecords([plain.history()], await own()).length === 0);
  expect(checkHistories([plain.history()], await own())).toEqual([]);
});

test("device: on a full disk a put is a typed, retriable error, and succeeds when space returns", async () => {
  const { scope, disk, data } = await setUp();
  const device = await Device.open({ id: "full", data, gateway: "mqtt://127.0.0.1:9" });
  scope.defer(() => device.close());
  const put = async (): Promise<unknown> =>
    await device.putRecord({ stream: "full", partitionKey: "k", data: Buffer.alloc(RECORD_BYTES) }).then(
      () => "put",
      (error: unknown) => error,
    );

  expect(await put()).toBe("put");
  await disk.fill();
  const error = await until("a put to fail", async () => {
    const outcome = await put();
    return outcome !== "put" && outcome;
  });
  expect(error).toBeInstanceOf(DeviceError);
  expect(error).toMatchObject({ code: "disk-full", retriable: true });
  await disk.free();
  await until("puts to succeed again", async () => (await put()) === "put");
});
