import { type AttributeValue, isEqual, isSet, type Item } from "../values/attribute-value.js";
import { compareValues } from "../values/ordering.js";
import { type Path, valueAt } from "./path.js";

export type Comparator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export type Operand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly value: AttributeValue }
  | { readonly kind: "size"; readonly path: Path };

/** What must hold of an item, however it was written: as an expression, or as one of the older parameters. */
export type Condition =
  | { readonly kind: "and" | "or"; readonly all: readonly Condition[] }
  | { readonly kind: "not"; readonly condition: Condition }
  | { readonly kind: "compare"; readonly op: Comparator; readonly left: Operand; readonly right: Operand }
  | { readonly kind: "between"; readonly operand: Operand; readonly low: Operand; readonly high: Operand }
  | { readonly kind: "in"; readonly operand: Operand; readonly of: readonly Operand[] }
  | { readonly kind: "exists"; readonly path: Path; readonly exists: boolean }
  | { readonly kind: "type"; readonly path: Path; readonly of: string }
  | { readonly kind: "begins" | "contains"; readonly operand: Operand; readonly part: Operand };

/** Whether a condition holds of an item; one that is not there is as one without attributes. */
export function holds(condition: Condition, item: Item): boolean {
  switch (condition.kind) {
    case "and":
      return condition.all.every((one) => holds(one, item));
    case "or":
      return condition.all.some((one) => holds(one, item));
    case "not":
      return !holds(condition.condition, item);
    case "compare":
      return compares(condition.op, operandOf(condition.left, item), operandOf(condition.right, item));
    case "between": {
      const operand = operandOf(condition.operand, item);
      return (
        compares(">=", operand, operandOf(condition.low, item)) &&
        compares("<=", operand, operandOf(condition.high, item))
      );
    }
    case "in": {
      const operand = operandOf(condition.operand, item);
      return condition.of.some((one) => compares("=", operand, operandOf(one, item)));
    }
    case "exists":
      return (valueAt(item, condition.path) !== undefined) === condition.exists;
    case "type":
      return valueAt(item, condition.path)?.type === condition.of;
    case "begins":
    case "contains":
    default: {
      const test = condition.kind === "begins" ? begins : contains;
      return test(operandOf(condition.operand, item), operandOf(condition.part, item));
    }
  }
}

/** Attributes that a condition asks about, by the first name of their paths. */
export function attributesOf(condition: Condition): string[] {
  switch (condition.kind) {
    case "and":
    case "or":
      return condition.all.flatMap(attributesOf);
    case "not":
      return attributesOf(condition.condition);
    case "compare":
      return ofOperands(condition.left, condition.right);
    case "between":
      return ofOperands(condition.operand, condition.low, condition.high);
    case "in":
      return ofOperands(condition.operand, ...condition.of);
    case "exists":
    case "type":
      return [condition.path[0]];
    case "begins":
    case "contains":
    default:
      return ofOperands(condition.operand, condition.part);
  }
}

function ofOperands(...operands: readonly Operand[]): string[] {
  return operands.flatMap((operand) => (operand.kind === "value" ? [] : [operand.path[0]]));
}

function operandOf(operand: Operand, item: Item): AttributeValue | undefined {
  if (operand.kind === "value") return operand.value;
  const value = valueAt(item, operand.path);
  return operand.kind === "path" ? value : value && lengthOf(value);
}

function lengthOf(value: AttributeValue): AttributeValue | undefined {
  if (value.type === "S" || value.type === "L" || isSet(value)) return number(value.value.length);
  if (value.type === "B") return number(Buffer.byteLength(value.value, "base64"));
  return value.type === "M" ? number(value.value.size) : undefined;
}

function number(length: number): AttributeValue {
  return { type: "N", value: String(length) };
}

/** Of what is not there, nothing holds but that it differs. */
export function compares(op: Comparator, a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === undefined || b === undefined) return op === "<>" && a !== b;
  if (op === "=" || op === "<>") return isEqual(a, b) === (op === "=");
  const order = compareValues(a, b);
  if (order === undefined) return false;
  if (op === "<") return order < 0;
  if (op === "<=") return order <= 0;
  return op === ">" ? order > 0 : order >= 0;
}

function begins(value: AttributeValue | undefined, prefix: AttributeValue | undefined): boolean {
  if (value?.type === "S" && prefix?.type === "S") return value.value.startsWith(prefix.value);
  if (value?.type !== "B" || prefix?.type !== "B") return false;
  const start = Buffer.from(prefix.value, "base64");
  return Buffer.from(value.value, "base64").subarray(0, start.length).equals(start);
}

function contains(value: AttributeValue | undefined, part: AttributeValue | undefined): boolean {
  if (value === undefined || part === undefined) return false;
  if (value.type === "L") return value.value.some((one) => isEqual(one, part));
  if (isSet(value)) {
    return typeof part.value === "string" && value.type === `${part.type}S` && value.value.includes(part.value);
  }
  if (value.type === "S" && part.type === "S") return value.value.includes(part.value);
  if (value.type !== "B" || part.type !== "B") return false;
  return Buffer.from(value.value, "base64").includes(Buffer.from(part.value, "base64"));
}
