import { invalid } from "../lease-error.js";
import { type AttributeValue, isSet, type Item } from "../values/attribute-value.js";
import { addNumbers, subtractNumbers } from "../values/decimal.js";
import { type Path, valueAt, without, withValue } from "./path.js";

/** A value to set, worked out from the item as it was. */
export type Term =
  | { readonly kind: "value"; readonly value: AttributeValue }
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "if-not-exists"; readonly path: Path; readonly otherwise: Term }
  | { readonly kind: "append" | "plus" | "minus"; readonly left: Term; readonly right: Term };

/** One change of an item, however it was written: in an UpdateExpression, or in AttributeUpdates. */
export type Action =
  | { readonly kind: "set"; readonly path: Path; readonly term: Term }
  | { readonly kind: "remove"; readonly path: Path }
  /** Adds to a number or a set, or makes it. */
  | { readonly kind: "add"; readonly path: Path; readonly value: AttributeValue }
  /** Takes members out of a set; an empty one goes. */
  | { readonly kind: "delete"; readonly path: Path; readonly value: AttributeValue };

/**
 * The item after all actions, each of which sees the item as it was.
 * @throws {LeaseError} `invalid` where a value is not there or has another type.
 */
export function updated(item: Item, actions: readonly Action[]): Item {
  const sets = actions.filter((action) => action.kind !== "remove");
  // From the end of a list, so that no removal moves what another means.
  const removals = actions.filter((action) => action.kind === "remove").sort((a, b) => compareLast(b.path, a.path));
  let after = item;
  for (const action of sets) {
    if (action.kind === "set") {
      after = withValue(after, action.path, valueOf(action.term, item));
      continue;
    }
    const before = valueAt(item, action.path);
    const value = action.kind === "add" ? sum(before, action.value) : difference(before, action.value);
    after = value === undefined ? without(after, action.path) : withValue(after, action.path, value);
  }
  for (const { path } of removals) after = without(after, path);
  return after;
}

function compareLast(a: Path, b: Path): number {
  const [x, y] = [a.at(-1), b.at(-1)];
  return typeof x === "number" && typeof y === "number" ? x - y : 0;
}

function valueOf(term: Term, item: Item): AttributeValue {
  switch (term.kind) {
    case "value":
      return term.value;
    case "path": {
      const value = valueAt(item, term.path);
      if (value !== undefined) return value;
      throw invalid("The provided expression refers to an attribute that does not exist in the item");
    }
    case "if-not-exists":
      return valueAt(item, term.path) ?? valueOf(term.otherwise, item);
    case "append": {
      const [left, right] = [valueOf(term.left, item), valueOf(term.right, item)];
      if (left.type !== "L" || right.type !== "L") throw wrongOperand();
      return { type: "L", value: [...left.value, ...right.value] };
    }
    case "plus":
    case "minus":
    default: {
      const [left, right] = [valueOf(term.left, item), valueOf(term.right, item)];
      if (left.type !== "N" || right.type !== "N") throw wrongOperand();
      const combine = term.kind === "plus" ? addNumbers : subtractNumbers;
      return { type: "N", value: combine(left.value, right.value) };
    }
  }
}

function sum(before: AttributeValue | undefined, value: AttributeValue): AttributeValue {
  if (before === undefined) return value;
  if (before.type === "N" && value.type === "N") return { type: "N", value: addNumbers(before.value, value.value) };
  if (before.type === "L" && value.type === "L") return { type: "L", value: [...before.value, ...value.value] };
  if (!isSet(before) || !isSet(value) || before.type !== value.type) throw wrongOperand();
  return { type: before.type, value: [...new Set([...before.value, ...value.value])] };
}

function difference(before: AttributeValue | undefined, value: AttributeValue): AttributeValue | undefined {
  if (before === undefined) return undefined;
  if (!isSet(before) || !isSet(value) || before.type !== value.type) throw wrongOperand();
  const left = before.value.filter((one) => !value.value.includes(one));
  return left.length === 0 ? undefined : { type: before.type, value: left };
}

function wrongOperand(): Error {
  return invalid("An operand in the update expression has an incorrect data type");
}
