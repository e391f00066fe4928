import { isUtf8 } from "node:buffer";
import { malformed } from "../codec/malformed.js";

/** A thousand metrics of three dimensions are 14,000. */
const PARAMETERS_MAX = 1 << 16;
/** `MetricData.member.1.Dimensions.member.1.Name` has seven. */
const STEPS_MAX = 16;

/** A structure by its members' names, or a list by `member` and then its items' numbers. */
type Node = Map<string, Node | string>;

/**
 * Reads a body of AWS's query protocol: `MetricData.member.1.MetricName=…` is the name of the first item of a list.
 * All scalars are texts.
 * @throws {CloudError} `body-malformed`.
 * @see Smithy, "AWS query protocol"
 */
export function decodeQueryForm(body: Buffer): Readonly<Record<string, unknown>> {
  if (!isUtf8(body)) throw malformed("The request body is not valid UTF-8.");
  if (hasTooMany(body)) throw malformed("The request body has too many parameters.");
  const root: Node = new Map();
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) put(root, name.split(".", STEPS_MAX), value);
  return structureOf(root);
}

function put(root: Node, steps: readonly string[], value: string): void {
  const last = steps.at(-1) ?? "";
  let node = root;
  for (const step of steps.slice(0, -1)) {
    const next = node.get(step) ?? new Map<string, Node | string>();
    if (typeof next === "string") throw malformed(`'${step}' is a value and a structure.`);
    node.set(step, next);
    node = next;
  }
  if (node.has(last)) throw malformed(`'${last}' stands there twice.`);
  node.set(last, value);
}

function valueOf(node: Node | string): unknown {
  if (typeof node === "string") return node;
  const items = node.get("member");
  if (node.size > 1 || items === undefined || typeof items === "string") return structureOf(node);
  return [...items].toSorted(([a], [b]) => Number(a) - Number(b)).map(([, item]) => valueOf(item));
}

function structureOf(node: Node): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...node].map(([name, member]) => [name, valueOf(member)]));
}

function hasTooMany(body: Buffer): boolean {
  let count = 1;
  for (let at = body.indexOf("&"); at >= 0 && count <= PARAMETERS_MAX; at = body.indexOf("&", at + 1)) count += 1;
  return count > PARAMETERS_MAX;
}
