import { z } from "zod";
import { type Condition, holds } from "../expressions/condition.js";
import { readAttributeUpdates, readLegacyConditions } from "../expressions/legacy-parameters.js";
import { type Path, projected } from "../expressions/path.js";
import { readCondition } from "../expressions/read-condition.js";
import { readUpdate } from "../expressions/read-update.js";
import type { Placeholders } from "../expressions/tokens.js";
import { type Action, updated } from "../expressions/update.js";
import { invalidParameter, LeaseError } from "../lease-error.js";
import type { Change, LeaseState } from "../lease-state.js";
import { namesOf } from "../table.js";
import { type Item, noItem, toWire } from "../values/attribute-value.js";
import { item, mapOf, placeholderMembers, placeholdersOf, refuseMixture, tableName, value } from "./input.js";

export const legacyCondition = z.object({
  Value: value.optional(),
  Exists: z.boolean().optional(),
  ComparisonOperator: z.string().optional(),
  AttributeValueList: z.array(value).optional(),
});

const conditional = {
  TableName: tableName,
  ...placeholderMembers,
  ConditionExpression: z.string().optional(),
  Expected: mapOf(legacyCondition).optional(),
  ConditionalOperator: z.enum(["AND", "OR"]).optional(),
  ReturnValuesOnConditionCheckFailure: z.enum(["NONE", "ALL_OLD"]).optional(),
};

export const putInput = z.object({ ...conditional, Item: item });
export const deleteInput = z.object({ ...conditional, Key: item });
export const checkInput = z.object({ ...conditional, Key: item });
export const updateInput = z.object({
  ...conditional,
  Key: item,
  UpdateExpression: z.string().optional(),
  AttributeUpdates: mapOf(z.object({ Value: value.optional(), Action: z.string().optional() })).optional(),
});

type ConditionalInput = z.output<z.ZodObject<typeof conditional>>;

/** What became of one item. */
export interface Write {
  readonly table: string;
  readonly key: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  /** What an update named; undefined for the others. */
  readonly paths?: readonly Path[];
}

/** @throws {LeaseError} as all writes: `table-not-found`, `invalid`, `condition-failed`. */
export function put(input: z.output<typeof putInput>, state: LeaseState): Write {
  const table = state.tableOfItems(input.TableName);
  const placeholders = placeholdersOf(input);
  const condition = conditionOf(input, placeholders);
  placeholders.checkAllUsed();
  const key = table.keyOfNew(input.Item);
  const before = table.get(key);
  checkCondition(condition, before, input);
  return { table: input.TableName, key, before, after: input.Item };
}

export function remove(input: z.output<typeof deleteInput>, state: LeaseState): Write {
  const { key, before } = found(input, state);
  return { table: input.TableName, key, before, after: undefined };
}

/** A condition alone, of a transaction: the item stays as it is. */
export function check(input: z.output<typeof checkInput>, state: LeaseState): Write {
  const { key, before } = found(input, state);
  return { table: input.TableName, key, before, after: before };
}

export function update(input: z.output<typeof updateInput>, state: LeaseState): Write {
  refuseMixture(
    input,
    ["UpdateExpression", "ConditionExpression"],
    ["AttributeUpdates", "Expected", "ConditionalOperator"],
  );
  const table = state.tableOfItems(input.TableName);
  const placeholders = placeholdersOf(input);
  const actions = actionsOf(input, placeholders);
  const condition = conditionOf(input, placeholders);
  placeholders.checkAllUsed();
  const keyNames = namesOf(table.definition.keys);
  const keyAction = actions.find(({ path }) => keyNames.includes(path[0]));
  if (keyAction !== undefined) {
    throw invalidParameter(`Cannot update attribute ${keyAction.path[0]}. This attribute is part of the key`);
  }
  const key = table.keyOf(input.Key);
  const before = table.get(key);
  checkCondition(condition, before, input);
  const after = updated(before ?? input.Key, actions);
  table.keyOfNew(after);
  return { table: input.TableName, key, before, after, paths: actions.map(({ path }) => path) };
}

export function changeOf({ table, key, before, after }: Write): Change[] {
  return before === after ? [] : [{ kind: "item", table, key, item: after }];
}

/** The `Attributes` that a write answers, as its ReturnValues asks. */
export function returned({ before, after, paths = [] }: Write, which: string | undefined): { Attributes?: unknown } {
  const whole = which?.endsWith("_OLD") === true ? before : which?.endsWith("_NEW") === true ? after : undefined;
  if (whole === undefined) return {};
  const attributes = which?.startsWith("UPDATED") === true ? projected(whole, paths) : whole;
  return attributes.size === 0 ? {} : { Attributes: toWire(attributes) };
}

function found(input: z.output<typeof deleteInput>, state: LeaseState): { key: string; before: Item | undefined } {
  const table = state.tableOfItems(input.TableName);
  const placeholders = placeholdersOf(input);
  const condition = conditionOf(input, placeholders);
  placeholders.checkAllUsed();
  const key = table.keyOf(input.Key);
  const before = table.get(key);
  checkCondition(condition, before, input);
  return { key, before };
}

function conditionOf(input: ConditionalInput, placeholders: Placeholders): Condition | undefined {
  refuseMixture(input, ["ConditionExpression"], ["Expected", "ConditionalOperator"]);
  const { ConditionExpression: expression, Expected: expected, ConditionalOperator: operator } = input;
  if (expression !== undefined) return readCondition(expression, "ConditionExpression", placeholders);
  return expected === undefined || expected.size === 0 ? undefined : readLegacyConditions(expected, operator);
}

function actionsOf(input: z.output<typeof updateInput>, placeholders: Placeholders): Action[] {
  const { UpdateExpression: expression, AttributeUpdates: updates } = input;
  if (expression !== undefined) return readUpdate(expression, placeholders);
  return updates === undefined ? [] : readAttributeUpdates(updates);
}

function checkCondition(condition: Condition | undefined, before: Item | undefined, input: ConditionalInput): void {
  if (condition === undefined || holds(condition, before ?? noItem)) return;
  const isShown = input.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && before !== undefined;
  throw new LeaseError("condition-failed", "The conditional request failed", isShown ? { Item: toWire(before) } : {});
}
