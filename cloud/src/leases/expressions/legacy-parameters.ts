import { invalid, invalidParameter } from "../lease-error.js";
import type { AttributeValue } from "../values/attribute-value.js";
import { isSet } from "../values/attribute-value.js";
import type { Comparator, Condition, Operand } from "./condition.js";
import type { Action } from "./update.js";

/** One attribute's part of Expected, KeyConditions, QueryFilter or ScanFilter. */
export interface LegacyCondition {
  readonly Value?: AttributeValue | undefined;
  readonly Exists?: boolean | undefined;
  readonly ComparisonOperator?: string | undefined;
  readonly AttributeValueList?: readonly AttributeValue[] | undefined;
}

/** One attribute's part of AttributeUpdates. */
export interface LegacyUpdate {
  readonly Value?: AttributeValue | undefined;
  readonly Action?: string | undefined;
}

const comparators = new Map<string, Comparator>([
  ["EQ", "="],
  ["NE", "<>"],
  ["LT", "<"],
  ["LE", "<="],
  ["GT", ">"],
  ["GE", ">="],
]);

/**
 * What the parameters from before expressions mean; the Kinesis Client Library 1.x to 3.x uses them for leases.
 * @throws {LeaseError} `invalid`.
 */
export function readLegacyConditions(
  attributes: ReadonlyMap<string, LegacyCondition>,
  conditionalOperator: "AND" | "OR" = "AND",
): Condition {
  const all = [...attributes].map(([name, condition]) => readLegacyCondition(name, condition));
  return { kind: conditionalOperator === "AND" ? "and" : "or", all };
}

function readLegacyCondition(name: string, given: LegacyCondition): Condition {
  const { Value: value, Exists: exists, ComparisonOperator: operator, AttributeValueList: attributeValueList } = given;
  const list = attributeValueList ?? [];
  const operand: Operand = { kind: "path", path: [name] };
  if (operator !== undefined) {
    if (exists !== undefined)
      throw invalidParameter(`Exists and ComparisonOperator cannot be used together for Attribute: ${name}`);
    if (value !== undefined && list.length > 0)
      throw invalidParameter(`Value and AttributeValueList cannot be used together for Attribute: ${name}`);
    if (value === undefined && attributeValueList === undefined && operator !== "NULL" && operator !== "NOT_NULL")
      throw invalidParameter(
        `Value or AttributeValueList must be used with ComparisonOperator: ${operator} for Attribute: ${name}`,
      );
    return readComparison(name, operand, operator, value === undefined ? list : [value]);
  }
  if (list.length > 0)
    throw invalidParameter(`AttributeValueList can only be used with a ComparisonOperator for Attribute: ${name}`);
  if (exists === false) {
    if (value !== undefined) throw invalidParameter(`Value cannot be used when Exists is false for Attribute: ${name}`);
    return { kind: "exists", path: [name], exists: false };
  }
  if (value === undefined)
    throw invalidParameter(`Value must be provided when Exists is ${exists ?? null} for Attribute: ${name}`);
  return { kind: "compare", op: "=", left: operand, right: { kind: "value", value } };
}

function readComparison(name: string, operand: Operand, operator: string, list: readonly AttributeValue[]): Condition {
  const values = list.map((value): Operand => ({ kind: "value", value }));
  const [first, second] = values;
  const counted = (count: number): void => {
    if (values.length === count) return;
    throw invalidParameter(`Invalid number of argument(s) for the ${operator} ComparisonOperator`);
  };
  const op = comparators.get(operator);
  if (op !== undefined) {
    counted(1);
    return { kind: "compare", op, left: operand, right: first! };
  }
  switch (operator) {
    case "NULL":
    case "NOT_NULL":
      counted(0);
      return { kind: "exists", path: [name], exists: operator === "NOT_NULL" };
    case "BETWEEN":
      counted(2);
      return { kind: "between", operand, low: first!, high: second! };
    case "IN":
      if (values.length === 0) counted(1);
      return { kind: "in", operand, of: values };
    case "BEGINS_WITH":
      counted(1);
      return { kind: "begins", operand, part: first! };
    case "CONTAINS":
      counted(1);
      return { kind: "contains", operand, part: first! };
    case "NOT_CONTAINS":
      counted(1);
      return { kind: "not", condition: { kind: "contains", operand, part: first! } };
    default:
      throw invalid(`Unsupported ComparisonOperator: ${operator}`);
  }
}

/** @throws {LeaseError} `invalid`. */
export function readAttributeUpdates(attributes: ReadonlyMap<string, LegacyUpdate>): Action[] {
  return [...attributes].map(([name, { Value: value, Action: action = "PUT" }]): Action => {
    if (action === "DELETE" && value === undefined) return { kind: "remove", path: [name] };
    if (value === undefined)
      throw invalidParameter(`Only DELETE action is allowed when no attribute value is specified`);
    if (action === "PUT") return { kind: "set", path: [name], term: { kind: "value", value } };
    const isSummable = isSet(value) || (action === "ADD" && (value.type === "N" || value.type === "L"));
    if (action !== "ADD" && action !== "DELETE") throw invalid(`Unsupported Action: ${action}`);
    if (!isSummable) {
      const given = action === "DELETE" ? "DELETE action with value" : "ADD action";
      throw invalidParameter(`${given} is not supported for the type ${value.type}`);
    }
    return { kind: action === "ADD" ? "add" : "delete", path: [name], value };
  });
}
