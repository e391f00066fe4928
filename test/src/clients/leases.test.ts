import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ResourceNotFoundException,
  ScanCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  UpdateTableCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { expect, onTestFinished, test } from "vitest";
import { credentials, type Keys, region } from "../harness/credentials.js";
import { gaugeOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { boto3 } from "./boto3.js";

const TableName = "application";

async function start(): Promise<{ scope: Scope; cloud: Part; client: DynamoDBClient }> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  return { scope, cloud, client: clientOf(scope, cloud.url) };
}

/** AWS's own client as it comes: only endpoint, region and keys are set. */
function clientOf(scope: Scope, endpoint: string, keys: Keys = credentials): DynamoDBClient {
  const client = new DynamoDBClient({ endpoint, region, credentials: keys });
  scope.defer(() => client.destroy());
  return client;
}

async function createLeaseTable(client: DynamoDBClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { TableName });
}

test("the JavaScript SDK's client keeps leases at the streams' address, and what was answered survives kill -9", async () => {
  const { scope, cloud, client } = await start();
  const stranger = clientOf(scope, cloud.url, { ...credentials, secretAccessKey: "another-secret" });
  await expect(stranger.send(new ListTablesCommand({}))).rejects.toMatchObject({ name: "InvalidSignatureException" });
  await expect(client.send(new DescribeTableCommand({ TableName }))).rejects.toBeInstanceOf(ResourceNotFoundException);
  await createLeaseTable(client);
  await client.send(
    new UpdateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: "leaseOwner", AttributeType: "S" }],
      GlobalSecondaryIndexUpdates: [
        {
          Create: {
            IndexName: "LeaseOwnerToLeaseKeyIndex",
            KeySchema: [
              { AttributeName: "leaseOwner", KeyType: "HASH" },
              { AttributeName: "leaseKey", KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "KEYS_ONLY" },
          },
        },
      ],
    }),
  );
  const keys = Array.from({ length: 20 }, (_, i) => `shardId-${String(i).padStart(12, "0")}`);
  const take = (key: string): Promise<unknown> =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key: { leaseKey: { S: key } },
        Expected: { leaseCounter: { Value: { N: "0" } } },
        AttributeUpdates: {
          leaseCounter: { Value: { N: "1" }, Action: "PUT" },
          leaseOwner: { Value: { S: "worker" }, Action: "PUT" },
        },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    );
  await Promise.all(
    keys.map(async (key) => {
      const Item = { leaseKey: { S: key }, leaseCounter: { N: "0" }, blob: { B: Buffer.from([0, 255]) } };
      await client.send(new PutItemCommand({ TableName, Item, Expected: { leaseKey: { Exists: false } } }));
      await take(key);
    }),
  );
  await cloud.kill("SIGKILL");
  await cloud.restart();

  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName,
      IndexName: "LeaseOwnerToLeaseKeyIndex",
      KeyConditionExpression: "leaseOwner = :owner",
      ExpressionAttributeValues: { ":owner": { S: "worker" } },
    }),
  );
  expect(Items.map(({ leaseKey }) => leaseKey?.S)).toEqual(keys);
  const { Item } = await client.send(new GetItemCommand({ TableName, Key: { leaseKey: { S: keys[0]! } } }));
  expect(Item).toMatchObject({ leaseCounter: { N: "1" }, blob: { B: new Uint8Array([0, 255]) } });
  const refused = await take(keys[0]!).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConditionalCheckFailedException);
  expect((refused as ConditionalCheckFailedException).Item).toMatchObject({ leaseOwner: { S: "worker" } });
  const canceled = await client
    .send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName, Item: { leaseKey: { S: "new" } } } },
          {
            Delete: { TableName, Key: { leaseKey: { S: "none" } }, ConditionExpression: "attribute_exists(leaseKey)" },
          },
        ],
      }),
    )
    .catch((error: unknown) => error);
  expect(canceled).toBeInstanceOf(TransactionCanceledException);
  expect((canceled as TransactionCanceledException).CancellationReasons?.map(({ Code }) => Code)).toEqual([
    "None",
    "ConditionalCheckFailed",
  ]);
  expect((await client.send(new ScanCommand({ TableName }))).Count).toBe(keys.length);
  expect(gaugeOf(await cloud.metrics(), /requests_total\{operation="DynamoDB.Scan",result="ok"\}/)).toBe(1);
});

test("boto3 keeps leases, by its client and its tables, publishes metrics, and sees errors as its own", async () => {
  const { scope, cloud } = await start();
  const hasRequestId = true;
  expect(await boto3(scope, "leases-tour.py", cloud)).toEqual({
    status: "ACTIVE",
    tables: ["leases"],
    counter: 8,
    set: ["a", "b"],
    pages: 4,
    keys: ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"],
    taken: {
      code: "ConditionalCheckFailedException",
      message: "The conditional request failed",
      status: 400,
      hasRequestId,
    },
    missing: {
      code: "ResourceNotFoundException",
      message: "Requested resource not found: Table: nowhere not found",
      status: 400,
      hasRequestId,
    },
    invalid: {
      code: "ValidationException",
      message: expect.stringContaining("Syntax error") as string,
      status: 400,
      hasRequestId,
    },
    batched: 3,
    deleted: true,
    published: 200,
    unpublished: {
      code: "InvalidParameterCombination",
      message: expect.stringContaining("must be specified") as string,
      status: 400,
      hasRequestId,
    },
  });
  const labels = 'namespace="orders",metric="Time",operation="ProcessTask",unit="Milliseconds"';
  expect(gaugeOf(await cloud.metrics(), new RegExp(`published_metric_sum{${labels}}`))).toBe(50);
});
