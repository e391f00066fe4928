import { invalid, invalidParameter, LeaseError } from "../lease-error.js";
import { shortened } from "../../codec/reading.js";
import type { AttributeType, AttributeValue, Item } from "./attribute-value.js";
import { normalNumber } from "./decimal.js";

/** Source: DynamoDB Developer Guide, quotas. */
const DEPTH_MAX = 32;

const readers: Readonly<Record<AttributeType, (given: unknown, depth: number) => AttributeValue>> = {
  S: (given) => ({ type: "S", value: text(given) }),
  N: (given) => ({ type: "N", value: normalNumber(text(given)) }),
  B: (given) => ({ type: "B", value: base64(given) }),
  BOOL: (given) => {
    if (typeof given !== "boolean") throw wrongType();
    return { type: "BOOL", value: given };
  },
  NULL: (given) => {
    if (given !== true) throw invalidParameter("Null attribute value types must have the value of true");
    return { type: "NULL", value: true };
  },
  SS: (given) => ({ type: "SS", value: set("SS", given, text) }),
  NS: (given) => ({ type: "NS", value: set("NS", given, (one) => normalNumber(text(one))) }),
  BS: (given) => ({ type: "BS", value: set("BS", given, base64) }),
  M: (given, depth) => ({ type: "M", value: readItem(given, depth + 1) }),
  L: (given, depth) => ({ type: "L", value: list(given).map((one) => readValue(one, depth + 1)) }),
};

/** In DynamoDB's own words. */
const emptySet = {
  SS: "An string set  may not be empty",
  NS: "An number set  may not be empty",
  BS: "Binary sets should not be empty",
} as const;

/**
 * Reads attributes by name from a body's JSON.
 * @throws {LeaseError} `malformed` for wrong types, `invalid` for values that cannot be stored.
 */
export function readItem(given: unknown, depth = 0): Item {
  return new Map(Object.entries(object(given)).map(([name, value]) => [name, readValue(value, depth)]));
}

/** Reads one value, such as `{"S": "text"}`. @throws {LeaseError} as {@link readItem}. */
export function readValue(given: unknown, depth = 0): AttributeValue {
  if (depth > DEPTH_MAX) throw invalid(`Nesting Levels have exceeded supported limits: ${DEPTH_MAX}`);
  const members = Object.entries(object(given)).filter(([, value]) => value !== null);
  const [first] = members;
  if (first === undefined || !Object.hasOwn(readers, first[0])) {
    throw invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  }
  if (members.length > 1) {
    throw invalid(
      "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    );
  }
  return readers[first[0] as AttributeType](first[1], depth);
}

function set(type: keyof typeof emptySet, given: unknown, read: (one: unknown) => string): string[] {
  const values = list(given).map(read);
  if (values.length === 0) throw invalidParameter(emptySet[type]);
  if (new Set(values).size === values.length) return values;
  if (type === "NS") throw invalid("Input collection contains duplicates");
  const shown = shortened(values.join(", "));
  throw invalidParameter(`Input collection [${shown}]${type === "BS" ? "of type BS" : ""} contains duplicates.`);
}

function base64(given: unknown): string {
  const encoded = text(given);
  const normal = Buffer.from(encoded, "base64").toString("base64");
  if (normal !== encoded) throw new LeaseError("malformed", "Base64 encoded text is malformed.");
  return encoded;
}

function text(given: unknown): string {
  if (typeof given !== "string") throw wrongType();
  return given;
}

function list(given: unknown): readonly unknown[] {
  if (!Array.isArray(given)) throw wrongType();
  return given;
}

function object(given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrongType();
  return given as Record<string, unknown>;
}

function wrongType(): LeaseError {
  return new LeaseError("malformed", "A value has another type than its place asks for.");
}
