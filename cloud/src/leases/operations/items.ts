import { z } from "zod";
import { type Path, projected } from "../expressions/path.js";
import { Tokens, type Placeholders } from "../expressions/tokens.js";
import { invalid } from "../lease-error.js";
import type { LeaseState } from "../lease-state.js";
import { type Item, toWire, type WireValue } from "../values/attribute-value.js";
import { attributeName, item, placeholderMembers, placeholdersOf, refuseMixture, tableName } from "./input.js";
import { answered, leaseOperation } from "./lease-operation.js";
import { changeOf, deleteInput, put, putInput, remove, returned, update, updateInput } from "./writes.js";

const oldOnly = { ReturnValues: z.enum(["NONE", "ALL_OLD"]).optional() };
const anyReturn = {
  ReturnValues: z.enum(["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"]).optional(),
};

/** Which attributes a read answers. */
export const projection = {
  AttributesToGet: z.array(attributeName).min(1).optional(),
  ProjectionExpression: z.string().optional(),
};

export const putItem = leaseOperation(putInput.extend(oldOnly), (input, state) => {
  const write = put(input, state);
  return { answer: returned(write, input.ReturnValues), changes: changeOf(write) };
});

export const deleteItem = leaseOperation(deleteInput.extend(oldOnly), (input, state) => {
  const write = remove(input, state);
  return { answer: returned(write, input.ReturnValues), changes: changeOf(write) };
});

export const updateItem = leaseOperation(updateInput.extend(anyReturn), (input, state) => {
  const write = update(input, state);
  return { answer: returned(write, input.ReturnValues), changes: changeOf(write) };
});

const { ExpressionAttributeNames } = placeholderMembers;
export const getInput = z.object({ TableName: tableName, Key: item, ExpressionAttributeNames, ...projection });

export const getItem = leaseOperation(getInput, (input, state) => answered(get(input, state)));

/** One item as GetItem and TransactGetItems answer it. */
export function get(input: z.output<typeof getInput>, state: LeaseState): { Item?: WireValue } {
  const placeholders = placeholdersOf(input);
  const paths = pathsOf(input, placeholders);
  placeholders.checkAllUsed();
  const table = state.tableOfItems(input.TableName);
  const found = table.get(table.keyOf(input.Key));
  return found === undefined ? {} : { Item: toWire(shown(found, paths)) };
}

const keysOfTable = z.object({ Keys: z.array(item).min(1).max(100), ExpressionAttributeNames, ...projection });
const batchGetInput = z.object({ RequestItems: z.record(tableName, keysOfTable) });

export const batchGetItem = leaseOperation(batchGetInput, ({ RequestItems: requests }, state) => {
  refuseNone(requests);
  const keyCount = Object.values(requests).reduce((sum, { Keys }) => sum + Keys.length, 0);
  if (keyCount > 100) throw invalid("Too many items requested for the BatchGetItem call");
  const responses = Object.entries(requests).map(([name, request]): [string, WireValue[]] => {
    const table = state.tableOfItems(name);
    const placeholders = placeholdersOf(request);
    const paths = pathsOf(request, placeholders);
    placeholders.checkAllUsed();
    const keys = distinct(request.Keys.map((key) => table.keyOf(key)));
    const found = keys.flatMap((key) => table.get(key) ?? []);
    return [name, found.map((one) => toWire(shown(one, paths)))];
  });
  return answered({ Responses: Object.fromEntries(responses), UnprocessedKeys: {} });
});

const writeRequest = z.object({
  PutRequest: z.object({ Item: item }).optional(),
  DeleteRequest: z.object({ Key: item }).optional(),
});
const batchWriteInput = z.object({ RequestItems: z.record(tableName, z.array(writeRequest).min(1).max(25)) });

export const batchWriteItem = leaseOperation(batchWriteInput, ({ RequestItems: requests }, state) => {
  refuseNone(requests);
  const all = Object.entries(requests).flatMap(([TableName, ofTable]) =>
    ofTable.map(({ PutRequest, DeleteRequest }) => {
      if ((PutRequest === undefined) === (DeleteRequest === undefined)) {
        throw invalid("Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest");
      }
      if (PutRequest !== undefined) return put({ TableName, ...PutRequest }, state);
      return remove({ TableName, Key: DeleteRequest!.Key }, state);
    }),
  );
  if (all.length > 25) throw invalid("Too many items requested for the BatchWriteItem call");
  distinct(all.map(({ table, key }) => `${table} ${key}`));
  return { answer: { UnprocessedItems: {} }, changes: all.flatMap(changeOf) };
});

function refuseNone(requests: Readonly<Record<string, unknown>>): void {
  if (Object.keys(requests).length > 0) return;
  throw invalid(
    "1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: " +
      "Member must have length greater than or equal to 1",
  );
}

/** The paths that a read is to answer; undefined for all. */
export function pathsOf(
  input: {
    readonly AttributesToGet?: readonly string[] | undefined;
    readonly ProjectionExpression?: string | undefined;
  },
  placeholders: Placeholders,
): readonly Path[] | undefined {
  refuseMixture({ ...input }, ["ProjectionExpression"], ["AttributesToGet"]);
  const { AttributesToGet: names, ProjectionExpression: expression } = input;
  if (expression === undefined) return names?.map((name) => [name]);
  const tokens = new Tokens(expression, "ProjectionExpression", placeholders);
  const paths = tokens.paths();
  tokens.finish();
  return paths;
}

export function shown(found: Item, paths: readonly Path[] | undefined): Item {
  return paths === undefined ? found : projected(found, paths);
}

function distinct(keys: readonly string[]): readonly string[] {
  if (new Set(keys).size !== keys.length) throw invalid("Provided list of item keys contains duplicates");
  return keys;
}
