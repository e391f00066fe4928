import { expect, onTestFinished, test } from "vitest";
import { DeviceProgram } from "../crash/device-program.js";
import { ForeignProducer } from "../crash/foreign-producer.js";
import { MqttProducer } from "../crash/mqtt-producer.js";
import { lostRecords } from "../crash/check-histories.js";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";

test("under load each part answers /healthz and /metrics, and SIGTERM ends it with 0 within 10 s, losing nothing", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "load", 2);
  await createStream(client, "sensor", 1);
  const gateway = await startGateway(scope, cloud.url);
  const mqtt = gateway.address("mqtt");
  const device = await startDevice(
    scope,
    { id: "agent", hostSensor: { stream: "sensor", intervalMs: 100 } },
    { flags: { gateway: mqtt } },
  );
  const program = await DeviceProgram.start(scope, {
    id: "sdk",
    gateway: mqtt,
    stream: "load",
    keys: ["a", "b"],
    everyMs: 10,
  });
  const plain = new MqttProducer(scope, "plain", mqtt, "load", ["c"]);
  const foreign = new ForeignProducer("foreign", client, "load", ["d"]);
  const producers = [program, plain, foreign];
  const allMoveOn = async (): Promise<void> => {
    const before = producers.map(({ acknowledged }) => acknowledged);
    await until("every producer to be served", () =>
      producers.every((p, i) => p.acknowledged >= (before[i] ?? 0) + 20),
    );
  };

  await allMoveOn();
  for (const part of [cloud, gateway, device]) {
    expect(JSON.parse(await part.get("/healthz"))).toMatchObject({ ok: true });
    const own = [...(await part.metrics()).keys()].filter((name) => name.startsWith(`headwater_${part.name}_`));
    expect(own).not.toEqual([]);
  }
  for (const part of [device, gateway, cloud]) {
    await part.stop();
    await part.restart();
    await allMoveOn();
  }
  await program.finish();
  await program.stop();
  await program.restart();
  for (const producer of producers) await producer.finish();
  const histories = producers.map((producer) => producer.history());
  await until(
    "all of it to reach the cloud",
    async () => lostRecords(histories, await readAll(client, "load")).length === 0,
    {
      everyMs: 500,
    },
  );
});
