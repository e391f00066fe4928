import fc from "fast-check";
import { expect, test } from "vitest";
import { LeaseError } from "../lease-error.js";
import { TestLeases } from "../testing/test-leases.js";
import { leaseOperations } from "./index.js";

const TableName = "leases";
const tableInput = {
  TableName,
  KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
};

const name = fc.constantFrom("k", "n", "s", "l", "m", "__proto__", "constructor");
const leaf = fc.oneof(
  fc.record({ S: fc.string() }),
  fc.record({ N: fc.constantFrom("0", "1", "-2.5", "1e40", "x") }),
  fc.record({ SS: fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }) }),
  fc.record({ BOOL: fc.boolean() }),
  fc.record({ NULL: fc.constant(true) }),
  fc.record({ B: fc.constantFrom("AAEC", "no base64") }),
  fc.jsonValue({ maxDepth: 2 }),
);
const value = fc.oneof(
  leaf,
  fc.record({ L: fc.array(leaf, { maxLength: 3 }) }),
  fc.record({ M: fc.dictionary(name, leaf, { maxKeys: 3 }) }),
);
const item = fc
  .dictionary(name, value, { maxKeys: 4 })
  .chain((more) =>
    fc.constantFrom<Record<string, unknown>>(
      more,
      { ...more, k: { S: "a" } },
      { ...more, k: { S: "b" }, n: { N: "1" } },
    ),
  );
const key = fc.oneof(fc.constant({ k: { S: "a" } }), item);
const token = fc.constantFrom(
  ..."k n s l m #a #b :v :w ( ) , . [ ] 0 1 = <> < >= + - AND OR NOT BETWEEN IN SET REMOVE ADD DELETE".split(" "),
  ..."size( begins_with( contains( attribute_exists( attribute_not_exists( if_not_exists( list_append(".split(" "),
);
const expression = fc.oneof(
  fc.constantFrom("attribute_exists(k)", "n = :v", "SET n = :v", "SET l[0] = :v, m.x = n", "REMOVE l[1]", "k = :v"),
  fc.array(token, { maxLength: 8 }).map((tokens) => tokens.join(" ")),
);
const legacy = fc.dictionary(
  name,
  fc.record(
    {
      Value: value,
      Exists: fc.boolean(),
      Action: fc.constantFrom("PUT", "ADD", "DELETE", "x"),
      ComparisonOperator: fc.constantFrom("EQ", "LT", "IN", "BETWEEN", "NULL", "CONTAINS", "BEGINS_WITH", "x"),
      AttributeValueList: fc.array(value, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  ),
  { maxKeys: 2 },
);
/** What an operation needs, and what else it may be given. */
const shapes: Record<
  string,
  { needed: Record<string, fc.Arbitrary<unknown>>; more: Record<string, fc.Arbitrary<unknown>> }
> = {
  PutItem: {
    needed: { Item: item },
    more: { ConditionExpression: expression, Expected: legacy, ReturnValues: fc.constant("ALL_OLD") },
  },
  DeleteItem: { needed: { Key: key }, more: { ConditionExpression: expression, Expected: legacy } },
  GetItem: { needed: { Key: key }, more: { ProjectionExpression: expression, AttributesToGet: fc.array(name) } },
  UpdateItem: {
    needed: { Key: key },
    more: {
      UpdateExpression: expression,
      ConditionExpression: expression,
      AttributeUpdates: legacy,
      Expected: legacy,
      ReturnValues: fc.constantFrom("ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"),
    },
  },
  Scan: {
    needed: {},
    more: {
      FilterExpression: expression,
      ScanFilter: legacy,
      ExclusiveStartKey: key,
      IndexName: fc.constantFrom("by-n", "none"),
      Limit: fc.jsonValue({ maxDepth: 0 }),
      Segment: fc.nat(3),
      TotalSegments: fc.nat(3),
    },
  },
  Query: {
    needed: { KeyConditionExpression: fc.constantFrom("k = :v", "n = :v", "n = :v AND k > :w") },
    more: { FilterExpression: expression, IndexName: fc.constant("by-n"), ExclusiveStartKey: key },
  },
  BatchWriteItem: {
    needed: {
      RequestItems: fc.record({
        [TableName]: fc.array(fc.record({ PutRequest: fc.record({ Item: item }) }), { maxLength: 3 }),
      }),
    },
    more: {},
  },
  TransactWriteItems: {
    needed: {
      TransactItems: fc.array(fc.record({ Put: fc.record({ TableName: fc.constant(TableName), Item: item }) }), {
        maxLength: 2,
      }),
    },
    more: {},
  },
  UpdateTable: { needed: {}, more: { GlobalSecondaryIndexUpdates: fc.jsonValue(), BillingMode: fc.jsonValue() } },
};

/** Names and values for the placeholders that a body's expressions mention. */
function withPlaceholders(given: Record<string, unknown>): fc.Arbitrary<Record<string, unknown>> {
  const text = Object.values(given)
    .filter((one) => typeof one === "string")
    .join(" ");
  const names = [...new Set(text.match(/#\w/g))];
  const values = [...new Set(text.match(/:\w/g))];
  return fc
    .tuple(fc.array(name, { minLength: 2, maxLength: 2 }), fc.array(value, { minLength: 2, maxLength: 2 }))
    .map(([named, valued]) => ({
      ...given,
      ...(names.length > 0 && { ExpressionAttributeNames: Object.fromEntries(names.map((one, i) => [one, named[i]])) }),
      ...(values.length > 0 && {
        ExpressionAttributeValues: Object.fromEntries(values.map((one, i) => [one, valued[i]])),
      }),
    }));
}

const calls = fc.constantFrom(...Object.entries(shapes)).chain(([operation, { needed, more }]) =>
  fc
    .subarray(Object.keys(more), { maxLength: Math.min(2, Object.keys(more).length) })
    .chain((chosen) => fc.record({ ...needed, ...Object.fromEntries(chosen.map((one) => [one, more[one]!])) }))
    .chain((given) => withPlaceholders({ TableName, ...given }))
    .map((sent) => [operation, sent] as const),
);
const anything = fc.tuple(fc.constantFrom(...leaseOperations.keys()), fc.jsonValue());

test("whatever is sent is answered, or refused for what it is", async () => {
  const it = await TestLeases.start();
  const types = { AttributeName: "n", AttributeType: "N" };
  await it.call("CreateTable", {
    ...tableInput,
    AttributeDefinitions: [...tableInput.AttributeDefinitions, types],
    GlobalSecondaryIndexes: [
      {
        IndexName: "by-n",
        KeySchema: [{ AttributeName: "n", KeyType: "HASH" }],
        Projection: { ProjectionType: "ALL" },
      },
    ],
  });
  const outcomes = { answered: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: calls }, anything), async ([operation, sent]) => {
      const outcome = await it.call(operation, sent as object).catch((error: unknown) => error);
      expect(outcome instanceof Error && !(outcome instanceof LeaseError) ? outcome : undefined).toBeUndefined();
      outcomes[outcome instanceof LeaseError ? "refused" : "answered"] += 1;
      // What is kept can be read again.
      await it.call("Scan", { TableName });
    }),
    { numRuns: 1000 },
  );
  // Else it would try nothing but the checks of inputs.
  expect(outcomes.answered).toBeGreaterThan(100);
});
