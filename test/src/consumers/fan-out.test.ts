import { Consumer, MemoryLeaseStore, Producer } from "@headwater/client";
import { expect, onTestFinished, test } from "vitest";
import { credentials, region } from "../harness/credentials.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { startCloud } from "../harness/parts.js";
import { Random } from "../harness/random.js";
import { Scope } from "../harness/scope.js";
import { reshard } from "./restless-shards.js";

const STREAM = "pushed";
const RECORDS = 600;

test("a consumer by fan-out is pushed every record once, in order per key, while shards split and merge", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, STREAM, 2);
  const aws = { endpoint: cloud.url, region, credentials };
  const producer = new Producer({ stream: STREAM, aws });
  scope.defer(() => producer.close(AbortSignal.abort()).catch(() => undefined));
  const consumer = await Consumer.open({
    stream: STREAM,
    application: "pushed",
    aws,
    leases: new MemoryLeaseStore(),
    read: "fan-out",
  });
  scope.defer(() => consumer.close());

  const random = Random.announced("fan-out consumer");
  const seen = new Map<string, number[]>();
  let count = 0;
  let sent = 0;
  const send = (): void => {
    for (const end = sent + RECORDS / 4; sent < end; sent++) {
      producer.put({ partitionKey: `k${sent % 10}`, data: String(sent) }).catch(() => undefined);
    }
  };
  send();
  for await (const { partitionKey, data } of consumer) {
    seen.set(partitionKey, [...(seen.get(partitionKey) ?? []), Number(Buffer.from(data))]);
    if (++count === RECORDS) consumer.stop();
    else if (count === sent) {
      await reshard(client, STREAM, random);
      send();
    }
  }
  await producer.close();
  await consumer.close();
  for (const [key, numbers] of seen) {
    const expected = Array.from({ length: RECORDS }, (_, i) => i).filter((i) => `k${i % 10}` === key);
    expect(numbers).toEqual(expected);
  }
  expect(seen.size).toBe(10);
});
