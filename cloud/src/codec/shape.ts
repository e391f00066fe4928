import { CloudError } from "../cloud-error.js";

/**
 * A declared input: how each value is typed and what constrains it. Reading answers the typed value, throws where the
 * type is wrong (as AWS: SerializationException) and collects what breaks a constraint, so that all violations are
 * reported together (as AWS: ValidationException).
 */
export interface Shape<T> {
  read(value: unknown, reading: Reading): T;
}

export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** The encodings of the two wire protocols; they differ in blobs and timestamps. */
export type Encoding = "json" | "cbor";

const VIOLATIONS_MAX = 10;
const SHOWN_CHARACTERS_MAX = 1024;
/**
 * Longer than any text that may match one of AWS's patterns. Some of these take quadratic time to fail, so what is
 * longer counts as wrong without a look, or as right where it is too long anyway.
 */
const MATCHED_CHARACTERS_MAX = 4096;

/** One pass over an input. */
export class Reading {
  readonly #path: (string | number)[] = [];
  readonly #violations: string[] = [];

  constructor(readonly encoding: Encoding) {}

  enter(step: string | number): void {
    this.#path.push(step);
  }

  leave(): void {
    this.#path.pop();
  }

  /** Notes that the value here breaks a constraint; AWS shows no blobs and no filled lists. */
  violated(constraint: string, shown?: string | number | null): void {
    if (this.#violations.length >= VIOLATIONS_MAX) return;
    this.#violations.push(`Value ${show(shown)}at '${this.#where()}' failed to satisfy constraint: ${constraint}`);
  }

  get isClean(): boolean {
    return this.#violations.length === 0;
  }

  /** @throws {CloudError} `constraint-violated`, with all violations in one message. */
  finish(): void {
    const count = this.#violations.length;
    if (count === 0) return;
    throw violation(this.#violations.join("; "), count);
  }

  #where(): string {
    return this.#path
      .map((step) =>
        typeof step === "number" ? `${step}.member` : `${step.slice(0, 1).toLowerCase()}${step.slice(1)}`,
      )
      .join(".");
  }
}

/** The error that AWS makes of constraint violations. */
export function violation(text: string, count = 1): CloudError {
  return new CloudError("constraint-violated", `${count} validation error${count > 1 ? "s" : ""} detected: ${text}`);
}

/** The error that AWS makes of a body that does not fit its types. */
export function malformed(message: string, options?: ErrorOptions): CloudError {
  return new CloudError("body-malformed", message, options);
}

function show(value: string | number | null | undefined): string {
  if (value === undefined) return "";
  if (value === null) return "null ";
  const text = String(value);
  return `'${text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text}' `;
}

/** Text; lengths in UTF-16 code units, as AWS counts. */
export function string(limits: { min?: number; max?: number; pattern?: string } = {}): Shape<string> {
  const { min, max, pattern } = limits;
  const expression = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, "u");
  return {
    read(value, reading) {
      if (typeof value !== "string") throw wrongType(value, "String");
      const isShort = value.length <= MATCHED_CHARACTERS_MAX;
      if (expression !== undefined && !(isShort ? expression.test(value) : max !== undefined)) {
        reading.violated(`Member must satisfy regular expression pattern: ${pattern}`, value);
      }
      if (min !== undefined && value.length < min) reading.violated(atLeast("length", min), value);
      if (max !== undefined && value.length > max) reading.violated(atMost("length", max), value);
      return value;
    },
  };
}

/** One of a few words. */
export function enumeration<const T extends string>(...values: readonly T[]): Shape<T> {
  const known = (value: string): value is T => (values as readonly string[]).includes(value);
  return {
    read(value, reading) {
      if (typeof value !== "string") throw wrongType(value, "String");
      if (known(value)) return value;
      reading.violated(`Member must satisfy enum value set: [${values.join(", ")}]`, value);
      return value as T; // never used: the violation ends the reading
    },
  };
}

/** A whole number; a fraction is cut off, as AWS does. */
export function integer(limits: { min?: number; max?: number } = {}): Shape<number> {
  const { min, max } = limits;
  return {
    read(value, reading) {
      if (typeof value !== "number") throw wrongType(value, "Integer");
      const whole = Math.trunc(value);
      if (min !== undefined && whole < min) reading.violated(atLeast("value", min), whole);
      if (max !== undefined && whole > max) reading.violated(atMost("value", max), whole);
      return whole;
    },
  };
}

export function boolean(): Shape<boolean> {
  return {
    read(value) {
      if (typeof value !== "boolean") throw wrongType(value, "Boolean");
      return value;
    },
  };
}

/** Milliseconds since 1970. JSON carries seconds with a fraction, CBOR a date (tag 1). */
export function timestamp(): Shape<number> {
  return {
    read(value, reading) {
      const timeMs = reading.encoding === "json" ? secondsToMs(value) : value instanceof Date && value.getTime();
      if (typeof timeMs !== "number") throw wrongType(value, "Timestamp");
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
      const bytes = reading.encoding === "json" ? fromBase64(value) : value;
      if (!(bytes instanceof Uint8Array)) throw wrongType(value, "Blob");
      if (bytes.length > limits.max) reading.violated(atMost("length", limits.max));
      return bytes;
    },
  };
}

export function list<T>(member: Shape<T>, limits: { min: number; max: number }): Shape<readonly T[]> {
  return {
    read(value, reading) {
      if (!Array.isArray(value)) throw wrongType(value, "List");
      if (value.length < limits.min) reading.violated(atLeast("length", limits.min), "[]");
      if (value.length > limits.max) {
        reading.violated(atMost("length", limits.max));
        return [];
      }
      return value.map((item: unknown, index) => {
        reading.enter(index + 1);
        const read = member.read(item, reading);
        reading.leave();
        return read;
      });
    },
  };
}

/** A map from text to text, such as tags. */
export function map(
  key: Shape<string>,
  member: Shape<string>,
  limits: { min: number; max: number },
): Shape<ReadonlyMap<string, string>> {
  return {
    read(value, reading) {
      const entries = Object.entries(asObject(value));
      if (entries.length < limits.min) reading.violated(atLeast("length", limits.min), "{}");
      if (entries.length > limits.max) {
        reading.violated(atMost("length", limits.max));
        return new Map();
      }
      return new Map(
        entries.map(([name, item]) => {
          reading.enter(name);
          const entry: [string, string] = [key.read(name, reading), member.read(item, reading)];
          reading.leave();
          return entry;
        }),
      );
    },
  };
}

type Members = Readonly<Record<string, Shape<unknown>>>;
type Structure<R extends Members, O extends Members> = {
  readonly [K in keyof R]: ValueOf<R[K]>;
} & { readonly [K in keyof O]?: ValueOf<O[K]> };

/** Named members; unknown ones are ignored, and null counts as absent, as AWS has it. */
export function structure<R extends Members, O extends Members>(members: {
  readonly required: R;
  readonly optional: O;
}): Shape<Structure<R, O>> {
  const required = Object.entries(members.required);
  const optional = Object.entries(members.optional);
  return {
    read(value, reading) {
      const given = asObject(value);
      const read: Record<string, unknown> = {};
      for (const [name, shape] of required) {
        reading.enter(name);
        if (present(given, name)) read[name] = shape.read(given[name], reading);
        else reading.violated("Member must not be null", null);
        reading.leave();
      }
      for (const [name, shape] of optional) {
        if (!present(given, name)) continue;
        reading.enter(name);
        read[name] = shape.read(given[name], reading);
        reading.leave();
      }
      return read as Structure<R, O>; // complete, or the violation ends the reading
    },
  };
}

function present(given: Readonly<Record<string, unknown>>, name: string): boolean {
  return Object.hasOwn(given, name) && given[name] !== null && given[name] !== undefined;
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value)) throw malformed("Start of list found where not expected");
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) {
    throw malformed("Expected null");
  }
  return value as Record<string, unknown>;
}

/** Node's decoder skips what is no base64, so what it skipped shows in the length. */
function fromBase64(value: unknown): Buffer | undefined {
  if (typeof value !== "string") return undefined;
  if (value.length % 4 !== 0) {
    throw malformed(`Base64 encoded length is expected a multiple of 4 bytes but found: ${value.length}`);
  }
  const bytes = Buffer.from(value, "base64");
  const padding = value.endsWith("==") ? 2 : Number(value.endsWith("="));
  if (bytes.length !== (value.length / 4) * 3 - padding || value.includes("-") || value.includes("_")) {
    throw malformed("Invalid Base64 character");
  }
  return bytes;
}

function wrongType(value: unknown, expected: string): CloudError {
  if (Array.isArray(value)) return malformed("Start of list found where not expected");
  const given = scalarNames.get(typeof value);
  return malformed(
    given === undefined
      ? "Start of structure or map found where not expected"
      : `${given} cannot be converted to ${expected}`,
  );
}

/** AWS's words for what stood there. */
const scalarNames = new Map([
  ["string", "STRING_VALUE"],
  ["number", "NUMBER_VALUE"],
  ["boolean", "BOOLEAN_VALUE"],
]);

function atLeast(what: "length" | "value", limit: number): string {
  return `Member must have ${what} greater than or equal to ${limit}`;
}

function atMost(what: "length" | "value", limit: number): string {
  return `Member must have ${what} less than or equal to ${limit}`;
}
