import type { Field } from "./field.js";
import type { Problem } from "./settings-error.js";

/** A value as an operator gave it, not validated yet. */
export interface Given {
  readonly value: unknown;
  /** Where it was given, for messages: `--mqtt-port`, `HEADWATER_MQTT_PORT`, `site.yaml:3`. */
  readonly from: string;
}

/** What one source gave, by key, and what in it could not be read. */
export interface Source {
  readonly given: ReadonlyMap<string, Given>;
  readonly problems: readonly Problem[];
}

/** Flags as the command line had them: text, or true/false for a bare flag. */
export function fromFlags(fields: readonly Field[], flags: ReadonlyMap<string, string | boolean>): Source {
  return fromTexts(
    fields,
    (field) => flags.get(field.key),
    (field) => field.flag,
  );
}

/** An empty variable counts as not set, which is how container tools spell that. */
export function fromEnvironment(
  fields: readonly Field[],
  environment: Readonly<Record<string, string | undefined>>,
): Source {
  return fromTexts(
    fields,
    (field) => environment[field.env] || undefined,
    (field) => field.env,
  );
}

function fromTexts(
  fields: readonly Field[],
  read: (field: Field) => string | boolean | undefined,
  from: (field: Field) => string,
): Source {
  const given = new Map<string, Given>();
  const problems: Problem[] = [];
  for (const field of fields) {
    const text = read(field);
    if (text === undefined) continue;
    const value = parse(field, text);
    if (value instanceof Unreadable) problems.push({ key: field.key, from: from(field), message: value.message });
    else given.set(field.key, { value, from: from(field) });
  }
  return { given, problems };
}

class Unreadable {
  constructor(readonly message: string) {}
}

/** Strict: `1883x`, `0x75b` and `yes` are mistakes, not guesses. */
function parse(field: Field, text: string | boolean): unknown {
  if (field.kind === "structured") return new Unreadable("can be given in the YAML file only");
  if (field.kind === "boolean") {
    if (typeof text === "boolean") return text;
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    return new Unreadable(`must be true or false, not ${show(field, text)}`);
  }
  if (typeof text === "boolean") return new Unreadable("needs a value");
  if (field.kind === "string") return text;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (field.kind === "number-or-string") return text;
  return new Unreadable(`must be a number, not ${show(field, text)}`);
}

/** A value for a message; secrets stay out of logs. */
export function show(field: Field | undefined, value: unknown): string {
  return field?.isSecret ? "the value given" : JSON.stringify(value);
}
