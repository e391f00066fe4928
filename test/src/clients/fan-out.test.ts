import {
  DeregisterStreamConsumerCommand,
  type KinesisClient,
  PutRecordCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { FanOutReader, registerConsumer, subscribe } from "../harness/fan-out.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { sumOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { TcpProxy } from "../harness/tcp-proxy.js";
import { until } from "../harness/until.js";

// The client is as npm gives it: over HTTP/2.
const scope = new Scope();
const SHARD = "shardId-000000000000";
let cloud: Part;
let client: KinesisClient;

beforeAll(async () => {
  cloud = await startCloud(scope);
  client = kinesisClient(scope, cloud.url);
});
afterAll(() => scope.close());

async function put(StreamName: string, key: string, value: string): Promise<string> {
  const Data = Buffer.from(value);
  const { SequenceNumber = "" } = await client.send(new PutRecordCommand({ StreamName, PartitionKey: key, Data }));
  return SequenceNumber;
}

test("a subscriber is sent each record, can go on from where it was, and is told that its consumer was deregistered", async () => {
  await createStream(client, "pushed", 1);
  const consumer = await registerConsumer(client, "pushed", "c");
  await put("pushed", "k", "before");
  const events = subscribe(client, consumer, SHARD, { Type: "LATEST" });
  const first = events.next();
  await until("the subscription", async () => (await subscriptions()) === 1);
  const number = await put("pushed", "k", "one");
  const { value: event } = await first;
  expect(event).toMatchObject({
    MillisBehindLatest: 0,
    Records: [{ SequenceNumber: number, PartitionKey: "k", Data: new Uint8Array(Buffer.from("one")) }],
  });
  const arrival = event?.Records?.[0]?.ApproximateArrivalTimestamp;
  expect(Math.abs(Date.now() - (arrival?.getTime() ?? 0))).toBeLessThan(60_000);

  await expect(subscribe(client, consumer, SHARD).next()).rejects.toBeInstanceOf(ResourceInUseException);
  const other = await registerConsumer(client, "pushed", "other");
  await put("pushed", "k", "two");
  const goneOn = subscribe(client, other, SHARD, {
    Type: "AFTER_SEQUENCE_NUMBER",
    SequenceNumber: event?.ContinuationSequenceNumber,
  });
  const { value: next } = await goneOn.next();
  expect(next?.Records?.map(({ Data = [] }) => Buffer.from(Data).toString())).toEqual(["two"]);
  await goneOn.return();

  await events.next();
  await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: consumer }));
  await expect(events.next()).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("a subscriber that follows the children sees each record once, in order, while the stream is resharded", async () => {
  await createStream(client, "resharded", 2);
  const reader = await FanOutReader.start(client, "resharded", await registerConsumer(client, "resharded", "c"));
  const written = new Map<string, string[]>();
  const stop = new AbortController();
  const writers = Array.from({ length: 6 }, async (_, i) => {
    const values: string[] = [];
    written.set(`key-${i}`, values);
    for (let n = 0; !stop.signal.aborted; n++) {
      await put("resharded", `key-${i}`, String(n));
      values.push(String(n));
    }
  });
  for (const TargetShardCount of [4, 3, 2]) {
    const before = reader.count;
    await until("records from the shards there are", () => reader.count > before + 50);
    const ScalingType = "UNIFORM_SCALING";
    await client.send(new UpdateShardCountCommand({ StreamName: "resharded", TargetShardCount, ScalingType }));
  }
  stop.abort();
  await Promise.all(writers);
  const count = [...written.values()].reduce((sum, { length }) => sum + length, 0);
  await until("all records", () => reader.count >= count);
  expect(Object.fromEntries(reader.values)).toEqual(Object.fromEntries(written));
  expect(reader.begun.size).toBeGreaterThan(6);
});

test("a connection that is cut leaves no subscription, and a cloud that stops ends those that are left", async () => {
  const own = new Scope();
  onTestFinished(() => own.close());
  const stopped = await startCloud(own);
  const link = await TcpProxy.start(own, stopped.port("http"));
  const [near, far] = [kinesisClient(own, stopped.url), kinesisClient(own, `http://127.0.0.1:${link.port}`)];
  await createStream(near, "s", 1);
  const [nearArn, farArn] = [await registerConsumer(near, "s", "near"), await registerConsumer(near, "s", "far")];
  const ended = Promise.allSettled([
    subscribe(near, nearArn, SHARD, { Type: "LATEST" }).next(),
    subscribe(far, farArn, SHARD, { Type: "LATEST" }).next(),
  ]);
  await until("both subscriptions", async () => (await subscriptions(stopped)) === 2);
  link.cut();
  await until("one to be left", async () => (await subscriptions(stopped)) === 1);
  expect(sumOf(await stopped.metrics(), /fan_out_subscriptions_ended_total\{cause="left"\}/)).toBe(1);
  await stopped.stop();
  const [nearEnd] = await ended; // the SDK takes a connection that is cut for an end, too
  expect(nearEnd).toEqual({ status: "fulfilled", value: { done: true, value: undefined } });
});

async function subscriptions(part: Part = cloud): Promise<number> {
  return sumOf(await part.metrics(), /^headwater_cloud_fan_out_subscriptions$/);
}
