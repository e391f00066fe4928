import { invalid } from "../lease-error.js";
import type { AttributeValue, Item } from "../values/attribute-value.js";

/** A document path: names of attributes and members, indexes of lists. At least a name. */
export type Path = readonly [string, ...(string | number)[]];

export function valueAt(item: Item, [head, ...rest]: Path): AttributeValue | undefined {
  let value = item.get(head);
  for (const step of rest) {
    if (value === undefined) return undefined;
    value = childOf(value, step);
  }
  return value;
}

/**
 * The item with a value at the path; past a list's end it is appended.
 * @throws {LeaseError} `invalid` where what should hold it is not there.
 */
export function withValue(item: Item, path: Path, value: AttributeValue): Item {
  return changed(item, path, () => value);
}

/** The item without what is at the path; where nothing is, unchanged. */
export function without(item: Item, path: Path): Item {
  return valueAt(item, path) === undefined ? item : changed(item, path, () => undefined);
}

/** What of an item the paths name, at its places; lists keep their order and close their gaps. */
export function projected(item: Item, paths: readonly Path[]): Item {
  const kept = new Map<string, AttributeValue>();
  for (const [name, tails] of byHead(paths)) {
    const value = item.get(String(name));
    const part = value && projectedValue(value, tails);
    if (part !== undefined) kept.set(String(name), part);
  }
  return kept;
}

type Tail = readonly (string | number)[];

function projectedValue(value: AttributeValue, tails: readonly Tail[]): AttributeValue | undefined {
  if (tails.some((tail) => tail.length === 0)) return value;
  const parts = [...byHead(tails)].flatMap(([step, rest]) => {
    const child = childOf(value, step);
    const part = child && projectedValue(child, rest);
    return part === undefined ? [] : [[step, part] as const];
  });
  if (parts.length === 0) return undefined;
  if (value.type === "M") return { type: "M", value: new Map(parts.map(([step, part]) => [String(step), part])) };
  const inOrder = [...parts].sort(([a], [b]) => Number(a) - Number(b));
  return { type: "L", value: inOrder.map(([, part]) => part) };
}

function byHead(paths: readonly Tail[]): Map<string | number, Tail[]> {
  const tails = new Map<string | number, Tail[]>();
  for (const [head, ...rest] of paths) {
    if (head === undefined) continue;
    const others = tails.get(head);
    if (others === undefined) tails.set(head, [rest]);
    else others.push(rest);
  }
  return tails;
}

function childOf(value: AttributeValue, step: string | number): AttributeValue | undefined {
  if (typeof step === "string") return value.type === "M" ? value.value.get(step) : undefined;
  return value.type === "L" ? value.value[step] : undefined;
}

type Change = () => AttributeValue | undefined;

function changed(item: Item, [head, ...rest]: Path, change: Change): Item {
  const copy = new Map(item);
  const value = rest.length === 0 ? change() : changedValue(item.get(head), rest, change);
  if (value === undefined) copy.delete(head);
  else copy.set(head, value);
  return copy;
}

function changedValue(value: AttributeValue | undefined, [step, ...rest]: Tail, change: Change): AttributeValue {
  const inner = (child: AttributeValue | undefined): AttributeValue | undefined =>
    rest.length === 0 ? change() : changedValue(child, rest, change);
  if (value?.type === "M" && typeof step === "string") {
    const members = new Map(value.value);
    const child = inner(members.get(step));
    if (child === undefined) members.delete(step);
    else members.set(step, child);
    return { type: "M", value: members };
  }
  if (value?.type === "L" && typeof step === "number") {
    const elements = [...value.value];
    const at = Math.min(step, elements.length);
    const child = inner(elements[at]);
    elements.splice(at, 1, ...(child === undefined ? [] : [child]));
    return { type: "L", value: elements };
  }
  throw invalid("The document path provided in the update expression is invalid for update");
}
