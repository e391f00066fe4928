import { beforeEach, describe, expect, test } from "vitest";
import { LeaseError } from "../lease-error.js";
import { TestLeases } from "../testing/test-leases.js";

let it: TestLeases;
const TableName = "readings";

beforeEach(async () => {
  it = await TestLeases.start();
  await it.call("CreateTable", {
    TableName,
    KeySchema: [
      { AttributeName: "sensor", KeyType: "HASH" },
      { AttributeName: "at", KeyType: "RANGE" },
    ],
    AttributeDefinitions: [
      { AttributeName: "sensor", AttributeType: "S" },
      { AttributeName: "at", AttributeType: "N" },
    ],
    BillingMode: "PAY_PER_REQUEST",
  });
});

const reading = (sensor: string, at: number | string, more: object = {}): object => ({
  sensor: { S: sensor },
  at: { N: String(at) },
  ...more,
});
const put = (sensor: string, at: number | string, more?: object): Promise<unknown> =>
  it.call("PutItem", { TableName, Item: reading(sensor, at, more) });

async function times(request: object): Promise<string[]> {
  const { Items } = await it.call("Query", { TableName, ...request });
  return (Items as { at: { N: string } }[]).map(({ at }) => at.N);
}

const values = (more: object = {}): object => ({ ":s": { S: "a" }, ...more });

describe("Query", () => {
  beforeEach(async () => {
    for (const at of [10, 9, 100, -1, 2.5]) await put("a", at);
    await put("b", 1);
  });

  test("orders by the range key's value, either way", async () => {
    const all = { KeyConditionExpression: "sensor = :s", ExpressionAttributeValues: values() };
    await expect(times(all)).resolves.toEqual(["-1", "2.5", "9", "10", "100"]);
    await expect(times({ ...all, ScanIndexForward: false })).resolves.toEqual(["100", "10", "9", "2.5", "-1"]);
  });

  test("takes a stretch of the range key, by expression or by the older conditions", async () => {
    const ExpressionAttributeValues = values({ ":low": { N: "2.5" }, ":high": { N: "10" } });
    const between = {
      KeyConditionExpression: "sensor = :s AND #at BETWEEN :low AND :high",
      ExpressionAttributeNames: { "#at": "at" },
    };
    await expect(times({ ...between, ExpressionAttributeValues })).resolves.toEqual(["2.5", "9", "10"]);
    const KeyConditions = {
      sensor: { ComparisonOperator: "EQ", AttributeValueList: [{ S: "a" }] },
      at: { ComparisonOperator: "GT", AttributeValueList: [{ N: "9" }] },
    };
    await expect(times({ KeyConditions })).resolves.toEqual(["10", "100"]);
  });

  test.each([true, false])("pages cover everything once, forward %s", async (ScanIndexForward) => {
    const found: string[] = [];
    let ExclusiveStartKey: unknown;
    do {
      const page = await it.call("Query", {
        TableName,
        KeyConditionExpression: "sensor = :s",
        ExpressionAttributeValues: values(),
        ScanIndexForward,
        Limit: 2,
        ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
      });
      found.push(...(page["Items"] as { at: { N: string } }[]).map(({ at }) => at.N));
      ExclusiveStartKey = page["LastEvaluatedKey"];
    } while (ExclusiveStartKey !== undefined);
    const rising = ["-1", "2.5", "9", "10", "100"];
    expect(found).toEqual(ScanIndexForward ? rising : rising.toReversed());
  });

  test.each([
    ["at > :s", "Query condition missed key schema element: sensor"],
    ["sensor > :s", "Query key condition not supported"],
    ["sensor = :s OR sensor = :s", "Query"],
    ["sensor = :s AND other = :s", "Query condition missed key schema element"],
    ["sensor = :s AND at <> :s", "Query key condition not supported"],
  ])("%s is refused", async (KeyConditionExpression, message) => {
    const query = { TableName, KeyConditionExpression, ExpressionAttributeValues: values() };
    await expect(it.call("Query", query)).rejects.toThrow(message);
  });
});

test("a page ends at 1 MiB and says where to go on", async () => {
  for (let at = 0; at < 5; at++) await put("a", at, { filling: { S: "x".repeat(300_000) } });
  const first = await it.call("Scan", { TableName });
  expect(first).toMatchObject({ Count: 4, LastEvaluatedKey: reading("a", 3) });
  const rest = await it.call("Scan", { TableName, ExclusiveStartKey: first["LastEvaluatedKey"], Select: "COUNT" });
  expect(rest).toEqual({ Count: 1, ScannedCount: 1 });
});

describe("ReturnValues", () => {
  const update = (ReturnValues: string): Promise<unknown> =>
    it.call("UpdateItem", {
      TableName,
      Key: reading("a", 1),
      UpdateExpression: "SET m.x = :two, n = :two",
      ExpressionAttributeValues: { ":two": { N: "2" } },
      ReturnValues,
    });
  beforeEach(() => put("a", 1, { m: { M: { x: { N: "1" }, y: { N: "1" } } } }));

  test.each([
    ["NONE", {}],
    ["ALL_OLD", { Attributes: reading("a", 1, { m: { M: { x: { N: "1" }, y: { N: "1" } } } }) }],
    ["ALL_NEW", { Attributes: reading("a", 1, { m: { M: { x: { N: "2" }, y: { N: "1" } } }, n: { N: "2" } }) }],
    ["UPDATED_OLD", { Attributes: { m: { M: { x: { N: "1" } } } } }],
    ["UPDATED_NEW", { Attributes: { m: { M: { x: { N: "2" } } }, n: { N: "2" } } }],
  ])("%s", async (which, expected) => {
    await expect(update(which)).resolves.toEqual(expected);
  });
});

const check = (at: number): object => ({
  ConditionCheck: { TableName, Key: reading("a", at), ConditionExpression: "attribute_exists(sensor)" },
});

describe("transactions", () => {
  test("write all or nothing, and say which condition failed", async () => {
    await put("a", 1);
    const Put = { TableName, Item: reading("a", 2) };
    await expect(it.call("TransactWriteItems", { TransactItems: [{ Put }, check(9)] })).rejects.toMatchObject({
      code: "transaction-canceled",
      members: { CancellationReasons: [{ Code: "None" }, { Code: "ConditionalCheckFailed" }] },
    });
    await expect(it.call("GetItem", { TableName, Key: reading("a", 2) })).resolves.toEqual({});
    await it.call("TransactWriteItems", { TransactItems: [{ Put }, check(1)] });
    const Get = { TableName, Key: reading("a", 2) };
    await expect(it.call("TransactGetItems", { TransactItems: [{ Get }] })).resolves.toEqual({
      Responses: [{ Item: reading("a", 2) }],
    });
  });

  test("name an item once", async () => {
    const Put = { TableName, Item: reading("a", 1) };
    await expect(it.call("TransactWriteItems", { TransactItems: [{ Put }, { Put }] })).rejects.toThrow("one item");
  });
});

test("batches get and write many; an item once", async () => {
  const requests = [1, 2, 3].map((at) => ({ PutRequest: { Item: reading("a", at) } }));
  await it.call("BatchWriteItem", { RequestItems: { [TableName]: requests } });
  await it.call("BatchWriteItem", { RequestItems: { [TableName]: [{ DeleteRequest: { Key: reading("a", 2) } }] } });
  const Keys = [1, 2, 3].map((at) => reading("a", at));
  await expect(it.call("BatchGetItem", { RequestItems: { [TableName]: { Keys } } })).resolves.toEqual({
    Responses: { [TableName]: [reading("a", 1), reading("a", 3)] },
    UnprocessedKeys: {},
  });
  const twice = { RequestItems: { [TableName]: [requests[0], requests[0]] } };
  await expect(it.call("BatchWriteItem", twice)).rejects.toThrow("duplicates");
});

describe("refused is", () => {
  test.each([
    ["PutItem", { TableName, Item: { sensor: { S: "a" } } }, "invalid", "Missing the key at"],
    ["PutItem", { TableName, Item: reading("", 1) }, "invalid", "empty string value"],
    ["PutItem", { TableName, Item: reading("a", "1", { x: {} }) }, "invalid", "must contain exactly one"],
    [
      "PutItem",
      { TableName, Item: reading("a", "1", { x: { toString: "x" } }) },
      "invalid",
      "must contain exactly one",
    ],
    ["PutItem", { TableName, Item: reading("a", "one") }, "invalid", "numeric value"],
    [
      "PutItem",
      { TableName, Item: reading("a", 1, { x: { S: "x".repeat(410_000) } }) },
      "invalid",
      "maximum allowed size",
    ],
    ["PutItem", { TableName, Item: { sensor: { S: 5 } } }, "malformed", "another type"],
    ["PutItem", { TableName, Item: [] }, "malformed", ""],
    ["PutItem", { TableName }, "invalid", "Value null at 'item' failed to satisfy constraint: Member must not be null"],
    ["PutItem", { TableName: "n;", Item: {} }, "invalid", "regular expression pattern"],
    ["PutItem", { TableName: "nowhere", Item: reading("a", 1) }, "table-not-found", "Requested resource not found"],
    ["GetItem", { TableName, Key: { sensor: { S: "a" } } }, "invalid", "does not match the schema"],
    [
      "UpdateItem",
      { TableName, Key: reading("a", 1), AttributeUpdates: { at: { Value: { N: "2" } } } },
      "invalid",
      "part of the key",
    ],
    [
      "UpdateItem",
      { TableName, Key: reading("a", 1), UpdateExpression: "REMOVE x", Expected: { x: { Exists: false } } },
      "invalid",
      "Can not use both",
    ],
    ["Scan", { TableName, IndexName: "none" }, "invalid", "does not have the specified index"],
    ["Scan", { TableName, Segment: 3, TotalSegments: 2 }, "invalid", "zero-based"],
    ["CreateTable", { TableName: "new" }, "invalid", "2 validation errors detected"],
  ])("%s %j", async (operation, body, code, message) => {
    await expect(it.call(operation, body)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  test("a value nested without end", async () => {
    let nested: object = { S: "x" };
    for (let i = 0; i < 40; i++) nested = { L: [nested] };
    await expect(put("a", 1, { nested })).rejects.toThrow("Nesting Levels");
  });

  test("the 257th table", async () => {
    const schema = {
      KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
    };
    for (let i = 1; i < 256; i++) await it.call("CreateTable", { TableName: `table-${i}`, ...schema });
    await expect(it.call("CreateTable", { TableName: "one-more", ...schema })).rejects.toMatchObject({
      code: "limit-exceeded",
    });
    await it.call("DeleteTable", { TableName: "table-1" });
    await it.call("CreateTable", { TableName: "one-more", ...schema });
  });

  test("what no longer fits, until something goes", async () => {
    const filling = { S: "x".repeat(400_000) };
    await expect(
      (async () => {
        for (let at = 0; ; at++) await put("a", at, { filling });
      })(),
    ).rejects.toMatchObject({ code: "limit-exceeded" });
    await it.call("DeleteItem", { TableName, Key: reading("a", 0) });
    await put("b", 0);
  });

  test("what is there already, renewed where nothing else fits, but not without end", async () => {
    const fill = async (bytes: number): Promise<number> => {
      for (let at = 0; ; at++) {
        const outcome = await put("a", at, { filling: { S: "x".repeat(bytes) } }).catch((error: unknown) => error);
        if (outcome instanceof LeaseError) return at;
      }
    };
    const count = await fill(100_000);
    await put("a", 0, { filling: { S: "x".repeat(100_100) } });
    expect(await fill(100_200)).toBe(count);
    expect(await fill(300_000)).toBeLessThan(30);
  });
});

test("tags, protection and point-in-time recovery are noted and shown", async () => {
  const ResourceArn = `arn:aws:dynamodb:us-east-1:000000000000:table/${TableName}`;
  await it.call("TagResource", {
    ResourceArn,
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ],
  });
  await it.call("UntagResource", { ResourceArn, TagKeys: ["a"] });
  await expect(it.call("ListTagsOfResource", { ResourceArn })).resolves.toEqual({ Tags: [{ Key: "b", Value: "2" }] });
  await it.call("UpdateTable", { TableName, DeletionProtectionEnabled: true });
  await expect(it.call("DeleteTable", { TableName })).rejects.toThrow("protected against deletion");
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
  await it.call("UpdateContinuousBackups", { TableName, PointInTimeRecoverySpecification });
  await expect(it.call("DescribeContinuousBackups", { TableName })).resolves.toMatchObject({
    ContinuousBackupsDescription: { PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: "ENABLED" } },
  });
});
