import { fromBase64, malformed, notNested, wrongType } from "./malformed.js";
import { Reading } from "./reading.js";

export { type Encoding, Reading } from "./reading.js";

/**
 * A declared input: how each value is typed and what constrains it. Reading answers the typed value, throws where the
 * type is wrong (as AWS: SerializationException) and collects what breaks a constraint, so that all violations are
 * reported together (as AWS: ValidationException).
 */
export interface Shape<T> {
  read(value: unknown, reading: Reading): T;
}

/** A text's shape. AWS tells what is wrong with texts in a list or a map of the whole, with all their constraints. */
export interface TextShape<T extends string = string> extends Shape<T> {
  readonly constraints: readonly string[];
}

export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/**
 * Longer than any text that may match one of AWS's patterns. Some of these take quadratic time to fail, so what is
 * longer counts as wrong without a look, or as right where it is too long anyway.
 */
const MATCHED_CHARACTERS_MAX = 4096;

/** Text; lengths in UTF-16 code units, as AWS counts. */
export function string(limits: { min?: number; max?: number; pattern?: string } = {}): TextShape {
  const { min, max, pattern } = limits;
  const expression = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, "u");
  const matches = `Member must satisfy regular expression pattern: ${pattern}`;
  return {
    constraints: [
      ...(max === undefined ? [] : [atMost("length", max)]),
      ...(min === undefined ? [] : [atLeast("length", min)]),
      ...(pattern === undefined ? [] : [matches]),
    ],
    read(value, reading) {
      if (typeof value !== "string") throw wrongType(value, "an String");
      const isShort = value.length <= MATCHED_CHARACTERS_MAX;
      if (expression !== undefined && !(isShort ? expression.test(value) : max !== undefined)) {
        reading.violated(matches, value);
      }
      if (min !== undefined && value.length < min) reading.violated(atLeast("length", min), value);
      if (max !== undefined && value.length > max) reading.violated(atMost("length", max), value);
      return value;
    },
  };
}

/** One of a few words. */
export function enumeration<const T extends string>(...values: readonly T[]): TextShape<T> {
  const known = (value: string): value is T => (values as readonly string[]).includes(value);
  const isOne = `Member must satisfy enum value set: [${values.join(", ")}]`;
  return {
    constraints: [isOne],
    read(value, reading) {
      if (typeof value !== "string") throw wrongType(value, "an String");
      if (known(value)) return value;
      reading.violated(isOne, value);
      return value as T; // never used: the violation ends the reading
    },
  };
}

const INTEGER_MAX = 2 ** 31 - 1;

/** A whole number; a fraction is cut off, and one over 2^31 − 1 is taken for that, as AWS does. */
export function integer(limits: { min?: number; max?: number } = {}): Shape<number> {
  const { min, max } = limits;
  return {
    read(value, reading) {
      if (typeof value !== "number") throw wrongType(value, "an Integer");
      const whole = Math.min(Math.trunc(value), INTEGER_MAX);
      if (min !== undefined && whole < min) reading.violated(atLeast("value", min), whole);
      if (max !== undefined && whole > max) reading.violated(atMost("value", max), whole);
      return whole;
    },
  };
}

export function boolean(): Shape<boolean> {
  return {
    read(value) {
      if (typeof value === "string") throw malformed(`'${value.toUpperCase()}' can not be converted to an Boolean`);
      if (typeof value !== "boolean") throw wrongType(value, "an Boolean");
      return value;
    },
  };
}

/** Milliseconds since 1970. JSON carries seconds with a fraction, CBOR a date (tag 1). */
export function timestamp(): Shape<number> {
  return {
    read(value, reading) {
      const timeMs = reading.encoding === "json" ? secondsToMs(value) : value instanceof Date && value.getTime();
      if (typeof timeMs !== "number") throw wrongType(value, "milliseconds since epoch");
      if (!(Math.abs(timeMs) <= TIME_MS_MAX)) throw malformed("The timestamp is out of range.");
      return timeMs;
    },
  };
}

/** What a Date can hold. Source: ECMAScript, "Time Values and Time Range". */
const TIME_MS_MAX = 8.64e15;

function secondsToMs(value: unknown): number | undefined {
  return typeof value === "number" ? Math.round(value * 1000) : undefined;
}

/** Bytes. JSON carries base64, CBOR a byte string. */
export function blob(limits: { max: number }): Shape<Uint8Array> {
  return {
    read(value, reading) {
      const bytes = reading.encoding === "json" && typeof value === "string" ? fromBase64(value) : value;
      if (!(bytes instanceof Uint8Array)) throw wrongType(value, "a Blob");
      if (bytes.length > limits.max) reading.violated(atMost("length", limits.max));
      return bytes;
    },
  };
}

export function list<T>(member: Shape<T>, limits: { min: number; max: number }): Shape<readonly T[]> {
  return {
    read(value, reading) {
      if (!Array.isArray(value)) throw notNested(value, "Expected list or null");
      const items: readonly unknown[] = value;
      const shown = items.length === 0 || isText(member) ? `[${items.map(textOf).join(", ")}]` : undefined;
      if (items.length < limits.min) reading.violated(atLeast("length", limits.min), shown);
      if (items.length > limits.max) reading.violated(atMost("length", limits.max), shown);
      if (isText(member)) return texts(member, items, reading, "Member must", shown) as unknown as T[];
      const read: T[] = [];
      for (const [index, item] of items.entries()) {
        if (reading.isFull) break; // the violations end the reading
        reading.enter(index + 1);
        read.push(member.read(item, reading));
        reading.leave();
      }
      return read;
    },
  };
}

/** A map from text to text, such as tags. */
export function map(
  key: TextShape,
  member: TextShape,
  limits: { min: number; max: number },
): Shape<ReadonlyMap<string, string>> {
  return {
    read(value, reading) {
      if (!isObject(value)) throw notNested(value, "Expected map or null");
      const entries = Object.entries(value);
      const shown = `{${entries.map(([name, item]) => `${name}=${textOf(item)}`).join(", ")}}`;
      if (entries.length < limits.min) reading.violated(atLeast("length", limits.min), shown);
      if (entries.length > limits.max) reading.violated(atMost("length", limits.max), shown);
      const names = entries.map(([name]) => name);
      const items = entries.map(([, item]) => item);
      texts(key, names, reading, "Map keys must", shown);
      const values = texts(member, items, reading, "Map value must", shown);
      return new Map(names.map((name, i) => [name, values[i] ?? ""]));
    },
  };
}

/** Texts that together stand for one value of the input, whose constraints it tells once. */
function texts<T extends string>(
  shape: TextShape<T>,
  items: readonly unknown[],
  reading: Reading,
  who: string,
  shown: string | undefined,
): T[] {
  const alone = new Reading(reading.encoding);
  const read = items.map((item) => shape.read(item, alone));
  if (!alone.isClean) reading.violated(`${who} satisfy constraint: [${shape.constraints.join(", ")}]`, shown);
  return read;
}

/** What is no text is refused for that before anything of it is told; some of it cannot be turned into text at all. */
function textOf(item: unknown): string {
  return typeof item === "string" ? item : "";
}

function isText<T>(shape: Shape<T>): shape is Shape<T> & TextShape {
  return "constraints" in shape;
}

type Members = Readonly<Record<string, Shape<unknown>>>;
type Structure<R extends Members, O extends Members> = {
  readonly [K in keyof R]: ValueOf<R[K]>;
} & { readonly [K in keyof O]?: ValueOf<O[K]> };

/** Named members; unknown ones are ignored, and null counts as absent, as AWS has it. */
export function structure<R extends Members, O extends Members>(members: {
  readonly required: R;
  readonly optional: O;
  /** In which AWS reads them, and so tells what is wrong with them; the others follow. */
  readonly order?: readonly (keyof (R & O) & string)[];
}): Shape<Structure<R, O>> {
  const { required, optional, order = [] } = members;
  const shapes: Members = { ...required, ...optional };
  const names = new Set<string>([...order, ...Object.keys(shapes)]);
  return {
    read(value, reading) {
      if (!isObject(value)) throw notNested(value, "Expected null");
      const read: Record<string, unknown> = {};
      for (const name of names) {
        const isPresent = Object.hasOwn(value, name) && value[name] !== null && value[name] !== undefined;
        if (!isPresent && !Object.hasOwn(required, name)) continue;
        reading.enter(name);
        if (isPresent) read[name] = shapes[name]?.read(value[name], reading);
        else reading.violated("Member must not be null", null);
        reading.leave();
      }
      return read as Structure<R, O>; // complete, or the violation ends the reading
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof Uint8Array) && !(value instanceof Date);
}

function atLeast(what: "length" | "value", limit: number): string {
  return `Member must have ${what} greater than or equal to ${limit}`;
}

function atMost(what: "length" | "value", limit: number): string {
  return `Member must have ${what} less than or equal to ${limit}`;
}
