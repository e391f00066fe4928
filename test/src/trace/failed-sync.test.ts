import { expect, onTestFinished, test } from "vitest";
import { Child } from "../harness/child.js";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import { publishOnce } from "../harness/mqtt.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { callJson } from "../harness/signed-request.js";
import { until } from "../harness/until.js";

// The other half of the trace: where the sync fails, there must be no acknowledgement. strace makes the kernel's answer EIO.

async function failSyncs(scope: Scope, pid: number): Promise<Child> {
  const calls = "fsync,fdatasync,pwritev"; // the log's vectored writes are synced as they return
  const command = [
    "strace",
    "-f",
    "-p",
    String(pid),
    "-e",
    `trace=${calls}`,
    "-e",
    `inject=${calls}:error=EIO`,
    "-o",
    "/dev/null",
  ] as const;
  const strace = await Child.start(scope, "strace", [...command]);
  await until("strace to attach", () => strace.stderr.toString().includes("attached"));
  return strace;
}

test("cloud: a put whose sync fails is an error, the service stays up, and nothing of it is read twice", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "eio", 1);
  const put = async (text: string): Promise<number> => {
    const Data = Buffer.from(text).toString("base64");
    return (await callJson(cloud.url, "PutRecord", { StreamName: "eio", PartitionKey: "k", Data })).status;
  };

  expect(await put("before")).toBe(200);
  const strace = await failSyncs(scope, cloud.pid);
  expect(await put("meanwhile")).toBe(500);
  await strace.kill("SIGINT");
  await until("puts to succeed again", async () => (await put("after")) === 200);
  const texts = (await readAll(client, "eio")).map(({ data }) => Buffer.from(data).toString());
  expect(texts.filter((text) => text === "before")).toHaveLength(1);
  expect(texts.filter((text) => text === "after")).toHaveLength(1);

  await cloud.kill("SIGKILL");
  await cloud.restart();
  const again = (await readAll(client, "eio")).map(({ data }) => Buffer.from(data).toString());
  expect(again).toEqual(texts);
});

test("gateway: a message whose sync fails gets no PUBACK, and gets it when the disk is well again", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const gateway = await startGateway(scope, "http://127.0.0.1:9");
  const publish = (payload: string) =>
    publishOnce(gateway.address("mqtt"), {
      clientId: "eio",
      topic: "streams/eio/key",
      payload: Buffer.from(payload),
      deadlineMs: 3_000,
    });

  expect(await publish("before")).toBe("acknowledged");
  const strace = await failSyncs(scope, gateway.pid);
  expect(await publish("meanwhile")).toBe("not acknowledged");
  await strace.kill("SIGINT");
  await until("publishing to be acknowledged again", async () => (await publish("after")) === "acknowledged");
});
