import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment, credentials } from "../harness/credentials.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { repository } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

const headwater = join(repository, "cli/bin/headwater.js");

test("headwater usage asks a running cloud with its keys, also after a restart", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "orders", 2);
  const Records = Array.from({ length: 10 }, (_, i) => ({ PartitionKey: `${i}`, Data: Buffer.alloc(30_000) }));
  await client.send(new PutRecordsCommand({ StreamName: "orders", Records }));
  await cloud.stop();
  await cloud.restart();

  const command = [process.execPath, headwater, "usage", "--endpoint", cloud.url] as const;
  const json = await run(scope, [...command, "--json"], { env: clientEnvironment });
  expect(JSON.parse(json.stdout)).toMatchObject({
    Streams: [{ StreamName: "orders", StreamMode: "PROVISIONED", Records: 10, PutPayloadUnits: 20 }],
    CostUsd: expect.any(Number) as number,
  });
  const prices = join(await scope.directory("prices"), "prices.json");
  await writeFile(prices, JSON.stringify({ provisioned: { millionPutPayloadUnits: 1e6, shardHour: 0 } }));
  const table = await run(scope, [...command, "--prices", prices], { env: clientEnvironment });
  expect(table.stdout).toMatch(/orders +provisioned +\S+ +shard-hours +\$0\.00\n +20 +PUT payload units +\$20\.00\n/);

  const file = join(await scope.directory("credentials"), "credentials");
  const { accessKeyId, secretAccessKey } = credentials;
  await writeFile(file, `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`);
  const byFile = { ...clientEnvironment, AWS_ACCESS_KEY_ID: "", AWS_SHARED_CREDENTIALS_FILE: file };
  expect((await run(scope, command, { env: byFile })).stdout).toContain("orders");

  const env = { ...clientEnvironment, AWS_SECRET_ACCESS_KEY: `${credentials.secretAccessKey}x` };
  const { code, stderr } = await run(scope, command, { env, mayFail: true });
  expect([code, stderr]).toEqual([1, expect.stringContaining("refused: InvalidSignatureException")]);
});
