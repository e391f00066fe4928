import { expect, onTestFinished, test } from "vitest";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";

test("mosquitto_pub on streams/<stream>/<key> becomes records of that stream and key", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const gateway = await startGateway(scope, cloud.url);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "plain", 2);

  const publish = async (topic: string, message: string, qos: 0 | 1): Promise<void> => {
    const port = String(gateway.port("mqtt"));
    const command = [
      "/usr/bin/mosquitto_pub",
      "-h",
      "127.0.0.1",
      "-p",
      port,
      "-q",
      String(qos),
      "-t",
      topic,
      "-m",
      message,
    ];
    await run(scope, command);
  };
  await publish("streams/plain/hall/3/temperature", "21.5", 1);
  await publish("streams/plain/hall/3/temperature", "21.6", 1);
  await publish("streams/plain/k%C3%A4se%20eins", "äöü", 1);
  await publish("streams/plain/fire-and-forget", "qos 0", 0);

  const read = await until("all four to reach the cloud", async () => {
    const records = await readAll(client, "plain");
    return records.length >= 4 && records;
  });
  const texts = read.map(({ partitionKey, data }) => [partitionKey, Buffer.from(data).toString()]);
  expect(texts.filter(([key]) => key === "hall/3/temperature")).toEqual([
    ["hall/3/temperature", "21.5"],
    ["hall/3/temperature", "21.6"],
  ]);
  expect(texts).toContainEqual(["käse eins", "äöü"]);
  expect(texts).toContainEqual(["fire-and-forget", "qos 0"]);
  expect(texts).toHaveLength(4);
});
