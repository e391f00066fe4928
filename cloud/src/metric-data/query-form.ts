import { isUtf8 } from "node:buffer";
import { malformed } from "../codec/malformed.js";

/** A thousand metrics of three dimensions are 14,000; of the shortest that there are, a body has room for as many. */
const PARAMETERS_MAX = 1 << 15;
/** A thousand metrics of three dimensions have 6,000 structures and lists; each costs some microseconds. */
const STRUCTURES_MAX = 1 << 14;
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
  let structures = 0;
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) {
    structures += put(root, name.split(".", STEPS_MAX), value);
    if (structures > STRUCTURES_MAX) throw malformed("The request body has too many structures.");
  }
  return structureOf(root);
}

/** Answers how many structures it had to make. */
function put(root: Node, steps: readonly string[], value: string): number {
  const last = steps.at(-1) ?? "";
  let node = root;
  let made = 0;
  for (const step of steps.slice(0, -1)) {
    let next = node.get(step);
    if (typeof next === "string") throw malformed(`'${step}' is a value and a structure.`);
    if (next === undefined) {
      next = new Map<string, Node | string>();
      node.set(step, next);
      made += 1;
    }
    node = next;
  }
  if (node.has(last)) throw malformed(`'${last}' stands there twice.`);
  node.set(last, value);
  return made;
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
