import { beforeEach, describe, expect, test } from "vitest";
import { TestLeases } from "../testing/test-leases.js";

// What DynamoDB answers, by a server that was run against it.

let it: TestLeases;
const TableName = "leases";
const Key = { leaseKey: { S: "a" } };
const put = (members: object): object => ({ TableName, Item: { ...Key, ...members } });
const expecting = (leaseKey: object): object => ({ ...put({}), Expected: { leaseKey } });
const parameters = (text: string): string => `One or more parameter values were invalid: ${text}`;
const constraint = (at: string, text: string): string =>
  `1 validation error detected: Value ${at} failed to satisfy constraint: Member must ${text}`;

beforeEach(async () => {
  it = await TestLeases.start();
  await it.call("CreateTable", {
    TableName,
    KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  });
});

test.each([
  ["DescribeTable", {}, "Requested resource not found: Table: nowhere not found"],
  ["DeleteTable", {}, "Requested resource not found: Table: nowhere not found"],
  ["GetItem", { Key }, "Requested resource not found"],
  ["PutItem", { Item: Key }, "Requested resource not found"],
  ["UpdateItem", { Key }, "Requested resource not found"],
  ["DeleteItem", { Key }, "Requested resource not found"],
  ["Scan", {}, "Requested resource not found"],
])("%s of no table", async (operation, input, message) => {
  await expect(it.call(operation, { TableName: "nowhere", ...input })).rejects.toMatchObject({
    code: "table-not-found",
    message,
  });
});

describe("a ValidationException says", () => {
  test.each<[string, object, string]>([
    [
      "GetItem",
      { TableName: "a;", Key },
      "2 validation errors detected: " +
        "Value 'a;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; " +
        "Value 'a;' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
    ],
    [
      "BatchGetItem",
      { RequestItems: { "a;b": { Keys: [Key] } } },
      "1 validation error detected: Value at 'requestItems.a;b' failed to satisfy constraint: " +
        "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]",
    ],
    ["Scan", { TableName: "a" }, constraint("'a' at 'tableName'", "have length greater than or equal to 3")],
    ["PutItem", expecting({}), parameters("Value must be provided when Exists is null for Attribute: leaseKey")],
    [
      "PutItem",
      expecting({ Exists: true }),
      parameters("Value must be provided when Exists is true for Attribute: leaseKey"),
    ],
    [
      "PutItem",
      expecting({ Exists: false, Value: { S: "a" } }),
      parameters("Value cannot be used when Exists is false for Attribute: leaseKey"),
    ],
    [
      "PutItem",
      expecting({ ComparisonOperator: "EQ" }),
      parameters("Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: leaseKey"),
    ],
    ["GetItem", { TableName }, constraint("null at 'key'", "not be null")],
    ["Scan", { TableName, Limit: 0 }, constraint("'0' at 'limit'", "have value greater than or equal to 1")],
    [
      "Scan",
      { TableName, Select: "x" },
      constraint(
        "'x' at 'select'",
        "satisfy enum value set: [ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES, SPECIFIC_ATTRIBUTES, COUNT]",
      ),
    ],
    [
      "GetItem",
      { TableName, Key, AttributesToGet: [] },
      constraint("'[]' at 'attributesToGet'", "have length greater than or equal to 1"),
    ],
    ["ListTables", { Limit: 101 }, constraint("'101' at 'limit'", "have value less than or equal to 100")],
    [
      "BatchGetItem",
      { RequestItems: {} },
      constraint("'{}' at 'requestItems'", "have length greater than or equal to 1"),
    ],
    [
      "BatchWriteItem",
      { RequestItems: {} },
      constraint("'{}' at 'requestItems'", "have length greater than or equal to 1"),
    ],
    [
      "Scan",
      { TableName, Segment: 4, TotalSegments: 4 },
      "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 4 is not less than TotalSegments: 4",
    ],
    [
      "Scan",
      { TableName, Segment: 1 },
      "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
    ],
    [
      "Scan",
      { TableName, TotalSegments: 2 },
      "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
    ],
    [
      "Scan",
      { TableName, ExclusiveStartKey: { x: { S: "1" } } },
      "The provided starting key is invalid: The provided key element does not match the schema",
    ],
    [
      "Query",
      {
        TableName,
        KeyConditionExpression: "leaseKey = :v",
        FilterExpression: "leaseKey = :v",
        ExpressionAttributeValues: { ":v": { S: "a" } },
      },
      "Filter Expression can only contain non-primary key attributes: Primary key attribute: leaseKey",
    ],
    [
      "Query",
      { TableName, KeyConditionExpression: "leaseKey = :v", ExpressionAttributeValues: { ":v": { N: "1" } } },
      parameters("Condition parameter type does not match schema type"),
    ],
    [
      "PutItem",
      { ...put({}), ConditionExpression: "attribute_not_exists(b)", ExpressionAttributeNames: { a: "b" } },
      'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
    ],
    [
      "PutItem",
      { ...put({}), ConditionExpression: "attribute_not_exists(b)", ExpressionAttributeValues: { "#a": { S: "b" } } },
      'ExpressionAttributeValues contains invalid key: Syntax error; key: "#a"',
    ],
    ["PutItem", put({ n: { SS: [] } }), parameters("An string set  may not be empty")],
    ["PutItem", put({ n: { NS: [] } }), parameters("An number set  may not be empty")],
    ["PutItem", put({ n: { BS: [] } }), parameters("Binary sets should not be empty")],
    ["PutItem", put({ n: { SS: ["b", "b"] } }), parameters("Input collection [b, b] contains duplicates.")],
    [
      "PutItem",
      put({ n: { BS: ["Yg==", "Yg=="] } }),
      parameters("Input collection [Yg==, Yg==]of type BS contains duplicates."),
    ],
    ["PutItem", put({ n: { NS: ["1", "1.0"] } }), "Input collection contains duplicates"],
    [
      "PutItem",
      expecting({ ComparisonOperator: "EQ", AttributeValueList: [{ S: "a" }], Exists: true }),
      parameters("Exists and ComparisonOperator cannot be used together for Attribute: leaseKey"),
    ],
    [
      "PutItem",
      expecting({ ComparisonOperator: "EQ", AttributeValueList: [{ S: "a" }], Value: { S: "a" } }),
      parameters("Value and AttributeValueList cannot be used together for Attribute: leaseKey"),
    ],
    [
      "PutItem",
      expecting({ AttributeValueList: [{ S: "a" }] }),
      parameters("AttributeValueList can only be used with a ComparisonOperator for Attribute: leaseKey"),
    ],
    [
      "UpdateItem",
      { TableName, Key, AttributeUpdates: { n: { Action: "DELETE", Value: { N: "1" } } } },
      parameters("DELETE action with value is not supported for the type N"),
    ],
  ])("%s %j", async (operation, input, message) => {
    await expect(it.call(operation, input)).rejects.toMatchObject({ code: "invalid", message });
  });

  test("all that is broken in one message", async () => {
    await expect(it.call("Scan", { TableName, Limit: -1, Segment: -1, TotalSegments: 4 })).rejects.toMatchObject({
      message:
        "2 validation errors detected: " +
        "Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
        "Value '-1' at 'segment' failed to satisfy constraint: Member must have value greater than or equal to 0",
    });
  });
});

const isEqual = (S: string): object => expecting({ ComparisonOperator: "EQ", Value: { S } });

test("a comparison of Expected may have its value beside it", async () => {
  await it.call("PutItem", put({}));
  await it.call("PutItem", isEqual("a"));
  await expect(it.call("PutItem", isEqual("b"))).rejects.toMatchObject({ code: "condition-failed" });
});
