import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient, paginateScan, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, onTestFinished, test } from "vitest";
import { credentials, region } from "../harness/credentials.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { SmallDisk } from "../harness/small-disk.js";
import { until } from "../harness/until.js";

const TableName = "application";

test("cloud: on a full disk no lease is answered, none that was answered is lost, and all goes on once there is space", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const disk = await SmallDisk.mount(scope, 32);
  const cloud = await startCloud(scope, { flags: { data: join(disk.directory, "data") } });
  const client = new DynamoDBClient({ endpoint: cloud.url, region, credentials, maxAttempts: 1 });
  scope.defer(() => client.destroy());
  await client.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  const answered: string[] = [];
  let count = 0;
  /** Answers the name of the error, or undefined. */
  const put = async (): Promise<string | undefined> => {
    const key = `lease-${count++}`;
    try {
      await client.send(
        new PutItemCommand({ TableName, Item: { leaseKey: { S: key }, filling: { S: "x".repeat(50_000) } } }),
      );
    } catch (error) {
      return (error as Error).name;
    }
    answered.push(key);
    return undefined;
  };
  const keys = async (): Promise<(string | undefined)[]> => {
    const found: (string | undefined)[] = [];
    for await (const { Items = [] } of paginateScan({ client }, { TableName, ProjectionExpression: "leaseKey" })) {
      found.push(...Items.map(({ leaseKey }) => leaseKey?.S));
    }
    return found;
  };
  expect(await put()).toBeUndefined();
  for (let round = 0; round < 2; round++) {
    await disk.fill();
    expect(await until("a put to fail", put)).toBe("InternalServerError");
    expect(new Set(await keys())).toEqual(new Set(answered));
    await disk.free();
    await until("puts to succeed again", async () => (await put()) === undefined);
  }
  await cloud.kill("SIGKILL");
  await cloud.restart();
  expect(new Set(await keys())).toEqual(new Set(answered));
});
