import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, onTestFinished, test } from "vitest";
import { credentials, region } from "../harness/credentials.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { missingProof } from "./synced-before.js";
import { parseTrace, straceInto, type TraceEvent } from "./trace-events.js";

test("cloud: a lease is synced before the first byte of the answer", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const trace = join(await scope.directory("trace"), "trace");
  const cloud = await startCloud(scope, { under: straceInto(trace) });
  const client = new DynamoDBClient({ endpoint: cloud.url, region, credentials });
  scope.defer(() => client.destroy());
  await client.send(
    new CreateTableCommand({
      TableName: "traced",
      KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  const acknowledged = await Promise.all(
    Array.from({ length: 16 }, async () => {
      const payload = `lease-${randomUUID()}`;
      const { $metadata } = await client.send(
        new PutItemCommand({ TableName: "traced", Item: { leaseKey: { S: payload } } }),
      );
      return { payload, requestId: $metadata.requestId ?? "none" };
    }),
  );
  await cloud.kill("SIGKILL");
  const events = parseTrace(await readFile(trace, "latin1"));
  const problems = acknowledged.map(({ payload, requestId }) =>
    missingProof(events, payload, ({ args, data }: TraceEvent) => /^\d+<TCP/.test(args) && data.includes(requestId)),
  );
  expect(problems).toEqual(acknowledged.map(() => undefined));
});
