import { join } from "node:path";
import { Producer } from "@headwater/client";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment, credentials, region } from "../harness/credentials.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { repository } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { type Finished, run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { keysInLog } from "./keys-in-log.js";

test("headwater replay puts a stream's records into another, each key in order, and says what is wrong", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "orders", 2);
  await createStream(client, "again", 3);
  const aws = { endpoint: cloud.url, region, credentials };
  const producer = new Producer({ stream: "orders", aws, aggregate: true });
  for (let i = 0; i < 500; i++) producer.put({ partitionKey: `k${i % 7}`, data: String(i) }).catch(() => undefined);
  await producer.close();
  const put = await keysInLog(client, "orders");
  expect([...put.values()].flat()).toHaveLength(500);

  const replay = (...args: readonly string[]): Promise<Finished> =>
    run(scope, [process.execPath, join(repository, "cli/bin/headwater.js"), "replay", ...args], {
      env: { ...clientEnvironment, HEADWATER_ENDPOINT: cloud.url },
      mayFail: true,
    });
  const done = await replay("orders", "again", "--start", "2020-01-01");
  expect(done).toMatchObject({ code: 0, stdout: "500 records, 1390 bytes\n" });
  expect(await keysInLog(client, "again")).toEqual(put);

  const absent = await replay("absent", "again", "--start", "2020-01-01");
  expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining("ResourceNotFoundException") as string });
  const wrong = await replay("orders", "again", "--start", "yesterday");
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("--start yesterday is no time") as string });
});
