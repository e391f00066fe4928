import { beforeEach, describe, expect, test } from "vitest";
import { TestLeases } from "./testing/test-leases.js";

// The calls that the Kinesis Client Library makes, in the members it sends, read from its public source
// (DynamoDBLeaseRefresher, DynamoDBLeaseSerializer and its multi-stream sibling, versions 1.x to 3.x). The library
// itself does not run here.

const TableName = "application";
let it: TestLeases;
beforeEach(async () => {
  it = await TestLeases.start();
});

const createTable = {
  TableName,
  KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
  BillingMode: "PAY_PER_REQUEST",
};

const newLease = (leaseKey: string, more: object = {}): object => ({
  leaseKey: { S: leaseKey },
  leaseCounter: { N: "0" },
  ownerSwitchesSinceCheckpoint: { N: "0" },
  checkpoint: { S: "TRIM_HORIZON" },
  checkpointSubSequenceNumber: { N: "0" },
  ...more,
});

const create = (leaseKey: string, more?: object): Promise<unknown> =>
  it.call("PutItem", { TableName, Item: newLease(leaseKey, more), Expected: { leaseKey: { Exists: false } } });

const keyOf = (leaseKey: string): object => ({ leaseKey: { S: leaseKey } });

/** UpdateItem as takeLease sends it: the counter is as expected, and goes up; the owner changes. */
const take = (leaseKey: string, counter: number, owner: string, oldOwner?: string): Promise<unknown> =>
  it.call("UpdateItem", {
    TableName,
    Key: keyOf(leaseKey),
    Expected: { leaseCounter: { Value: { N: String(counter) } } },
    AttributeUpdates: {
      leaseCounter: { Value: { N: String(counter + 1) }, Action: "PUT" },
      leaseOwner: { Value: { S: owner }, Action: "PUT" },
      ...(oldOwner !== undefined && oldOwner !== owner
        ? { ownerSwitchesSinceCheckpoint: { Value: { N: "1" }, Action: "ADD" } }
        : {}),
    },
  });

const leaseOf = async (leaseKey: string): Promise<unknown> =>
  (await it.call("GetItem", { TableName, Key: keyOf(leaseKey), ConsistentRead: false }))["Item"];

/** A lease of worker-a's as the index shows it. */
const keysOnly = (key: string): object => ({ leaseOwner: { S: "worker-a" }, leaseKey: { S: key } });

describe("the lease table", () => {
  test("is asked for, made, waited for, and found", async () => {
    await expect(it.call("DescribeTable", { TableName })).rejects.toMatchObject({ code: "table-not-found" });
    await it.call("CreateTable", createTable);
    await expect(it.call("DescribeTable", { TableName })).resolves.toMatchObject({
      Table: {
        TableName,
        TableStatus: "ACTIVE",
        BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
        TableArn: "arn:aws:dynamodb:us-east-1:000000000000:table/application",
      },
    });
    await expect(it.call("CreateTable", createTable)).rejects.toMatchObject({ code: "table-exists" });
  });

  test("with provisioned throughput shows it, so that an index can be given the same", async () => {
    const { BillingMode: _, ...rest } = createTable;
    const ProvisionedThroughput = { ReadCapacityUnits: 10, WriteCapacityUnits: 20 };
    await it.call("CreateTable", { ...rest, ProvisionedThroughput });
    const { Table } = await it.call("DescribeTable", { TableName });
    expect(Table).toMatchObject({ ProvisionedThroughput });
    expect(Table).not.toHaveProperty("BillingModeSummary");
  });

  test("gets version 3's index afterwards, ACTIVE at once, and is queried by it", async () => {
    await it.call("CreateTable", createTable);
    await create("shardId-000000000000");
    await create("shardId-000000000001");
    await create("shardId-000000000002");
    await take("shardId-000000000002", 0, "worker-a");
    await take("shardId-000000000000", 0, "worker-a");
    await take("shardId-000000000001", 0, "worker-b");
    const { TableDescription } = await it.call("UpdateTable", {
      TableName,
      AttributeDefinitions: [
        { AttributeName: "leaseOwner", AttributeType: "S" },
        { AttributeName: "leaseKey", AttributeType: "S" },
      ],
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
    });
    expect(TableDescription).toMatchObject({
      GlobalSecondaryIndexes: [{ IndexName: "LeaseOwnerToLeaseKeyIndex", IndexStatus: "ACTIVE" }],
    });
    const query = {
      TableName,
      IndexName: "LeaseOwnerToLeaseKeyIndex",
      KeyConditionExpression: "leaseOwner = :leaseOwner",
      ExpressionAttributeValues: { ":leaseOwner": { S: "worker-a" } },
    };
    await expect(it.call("Query", query)).resolves.toEqual({
      Items: [keysOnly("shardId-000000000000"), keysOnly("shardId-000000000002")],
      Count: 2,
      ScannedCount: 2,
    });
    await expect(it.call("Query", { ...query, ConsistentRead: true })).rejects.toMatchObject({ code: "invalid" });
    // An index follows its items at once, also where the owner goes.
    await it.call("UpdateItem", {
      TableName,
      Key: keyOf("shardId-000000000002"),
      Expected: { leaseOwner: { Value: { S: "worker-a" } } },
      AttributeUpdates: { leaseOwner: { Action: "DELETE" }, leaseCounter: { Value: { N: "2" }, Action: "PUT" } },
    });
    await expect(it.call("Query", query)).resolves.toMatchObject({ Items: [keysOnly("shardId-000000000000")] });
  });
});

const renew = (counter: number): Promise<unknown> =>
  it.call("UpdateItem", {
    TableName,
    Key: keyOf("a"),
    Expected: { leaseCounter: { Value: { N: String(counter) } }, checkpointOwner: { Exists: false } },
    AttributeUpdates: {
      leaseCounter: { Value: { N: String(counter + 1) }, Action: "PUT" },
      throughputKBps: { Value: { N: "12.50" }, Action: "PUT" },
    },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });

describe("a lease", () => {
  beforeEach(() => it.call("CreateTable", createTable));

  test("is made once", async () => {
    await create("shardId-000000000000");
    await expect(create("shardId-000000000000")).rejects.toMatchObject({ code: "condition-failed" });
    await expect(leaseOf("shardId-000000000000")).resolves.toEqual(newLease("shardId-000000000000"));
    await expect(leaseOf("shardId-000000000009")).resolves.toBeUndefined();
  });

  test("goes to the first of two that take it, and counts the owners", async () => {
    await create("a");
    await take("a", 0, "worker-a");
    await expect(take("a", 0, "worker-b")).rejects.toMatchObject({ code: "condition-failed" });
    await take("a", 1, "worker-b", "worker-a");
    await expect(leaseOf("a")).resolves.toMatchObject({
      leaseOwner: { S: "worker-b" },
      leaseCounter: { N: "2" },
      ownerSwitchesSinceCheckpoint: { N: "1" },
    });
  });

  test("is renewed by its counter, and a failed renewal shows version 3 what stands there", async () => {
    await create("a");
    await take("a", 0, "worker-a");
    await renew(1);
    await expect(renew(1)).rejects.toMatchObject({
      code: "condition-failed",
      members: { Item: { leaseCounter: { N: "2" }, throughputKBps: { N: "12.5" }, leaseOwner: { S: "worker-a" } } },
    });
  });

  test("keeps its checkpoint, pending ones and children", async () => {
    await create("a", { parentShardId: { SS: ["p-0", "p-1"] } });
    await it.call("UpdateItem", {
      TableName,
      Key: keyOf("a"),
      Expected: { leaseCounter: { Value: { N: "0" } } },
      AttributeUpdates: {
        leaseCounter: { Value: { N: "1" }, Action: "PUT" },
        checkpoint: { Value: { S: "4900000000010000000000000000000700000" }, Action: "PUT" },
        checkpointSubSequenceNumber: { Value: { N: "3" }, Action: "PUT" },
        ownerSwitchesSinceCheckpoint: { Value: { N: "0" }, Action: "PUT" },
        pendingCheckpoint: { Action: "DELETE" },
        pendingCheckpointSubSequenceNumber: { Action: "DELETE" },
        childShardId: { Value: { SS: ["c-0", "c-1"] }, Action: "PUT" },
      },
    });
    await expect(leaseOf("a")).resolves.toMatchObject({
      checkpoint: { S: "4900000000010000000000000000000700000" },
      checkpointSubSequenceNumber: { N: "3" },
      parentShardId: { SS: ["p-0", "p-1"] },
      childShardId: { SS: ["c-0", "c-1"] },
    });
  });

  test("of a closed shard is deleted, and deleting it again is well", async () => {
    await create("a");
    await it.call("DeleteItem", { TableName, Key: keyOf("a") });
    await it.call("DeleteItem", { TableName, Key: keyOf("a") });
    await expect(leaseOf("a")).resolves.toBeUndefined();
  });
});

/** All pages of a scan, as the library follows them. */
async function scanned(request: object): Promise<string[]> {
  const found: string[] = [];
  for (let ExclusiveStartKey: unknown; ;) {
    const page = await it.call("Scan", {
      TableName,
      ...request,
      ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
    });
    for (const { leaseKey } of page["Items"] as { leaseKey: { S: string } }[]) found.push(leaseKey.S);
    ExclusiveStartKey = page["LastEvaluatedKey"];
    if (ExclusiveStartKey === undefined) return found;
  }
}

describe("leases are listed", () => {
  const keys = Array.from({ length: 7 }, (_, i) => `shardId-00000000000${i}`);
  beforeEach(async () => {
    await it.call("CreateTable", createTable);
    for (const key of keys) await create(key);
  });

  test("whole, page by page, each once", async () => {
    await expect(scanned({})).resolves.toEqual(keys);
    await expect(scanned({ Limit: 2 })).resolves.toEqual(keys);
    await expect(it.call("Scan", { TableName, Limit: 1 })).resolves.toMatchObject({ Count: 1 });
  });

  test("by version 3's parallel scan: every lease in one segment", async () => {
    const TotalSegments = 3;
    const segments = await Promise.all([0, 1, 2].map((Segment) => scanned({ Segment, TotalSegments })));
    expect(segments.flat().toSorted((a, b) => (a < b ? -1 : 1))).toEqual(keys);
  });

  test("of one stream, where an application reads many", async () => {
    const stream = "000000000000:orders:1700000000";
    await create(`${stream}:shardId-000000000000`, {
      streamName: { S: stream },
      shardId: { S: "shardId-000000000000" },
    });
    const found = await it.call("Scan", {
      TableName,
      FilterExpression: "streamName = :streamName",
      ExpressionAttributeValues: { ":streamName": { S: stream } },
    });
    expect(found).toMatchObject({ Count: 1, ScannedCount: 8 });
  });
});

const lock = (owner: string, version: string): object => ({
  key: { S: "Leader" },
  ownerName: { S: owner },
  leaseDuration: { S: "120000" },
  recordVersionNumber: { S: version },
});

test("version 3's leader lock: taken where free, kept by its version number, released", async () => {
  await it.call("CreateTable", {
    TableName: "application-CoordinatorState",
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  });
  const table = { TableName: "application-CoordinatorState" };
  const acquire = (owner: string, version: string): Promise<unknown> =>
    it.call("PutItem", {
      ...table,
      Item: lock(owner, version),
      ConditionExpression: "attribute_not_exists(#pk) OR (attribute_exists(#pk) AND #ir = :ir)",
      ExpressionAttributeNames: { "#pk": "key", "#ir": "isReleased" },
      ExpressionAttributeValues: { ":ir": { S: "1" } },
    });
  await acquire("a", "v1");
  await expect(acquire("b", "v2")).rejects.toMatchObject({ code: "condition-failed" });
  const heartbeat = {
    ...table,
    Key: { key: { S: "Leader" } },
    UpdateExpression: "SET #ld = :ld, #rvn = :newRvn",
    ConditionExpression: "attribute_exists(#pk) AND #rvn = :rvn AND #on = :on",
    ExpressionAttributeNames: {
      "#pk": "key",
      "#ld": "leaseDuration",
      "#rvn": "recordVersionNumber",
      "#on": "ownerName",
    },
    ExpressionAttributeValues: {
      ":ld": { S: "120000" },
      ":newRvn": { S: "v3" },
      ":rvn": { S: "v1" },
      ":on": { S: "a" },
    },
  };
  await it.call("UpdateItem", heartbeat);
  await expect(it.call("UpdateItem", heartbeat)).rejects.toMatchObject({ code: "condition-failed" });
  await it.call("UpdateItem", {
    ...table,
    Key: { key: { S: "Leader" } },
    UpdateExpression: "SET #ir = :ir",
    ConditionExpression: "attribute_exists(#pk) AND #rvn = :rvn",
    ExpressionAttributeNames: { "#pk": "key", "#ir": "isReleased", "#rvn": "recordVersionNumber" },
    ExpressionAttributeValues: { ":ir": { S: "1" }, ":rvn": { S: "v3" } },
  });
  await acquire("b", "v4");
});
