import type { z } from "zod";
import { fieldsOf, waysToGive, type Field } from "./field.js";
import { fromEnvironment, fromFlags, show, type Given } from "./given.js";
import { SettingsError, suggestion, type Problem } from "./settings-error.js";
import type { YamlFile } from "./yaml-file.js";

/** What the operator gave. Flags beat the environment, which beats the file, which beats the schema's defaults. */
export interface Sources {
  /** By key of the schema. */
  readonly flags: ReadonlyMap<string, string | boolean>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: YamlFile | undefined;
  /** Mistakes found before, such as flags that do not exist; reported with the rest. */
  readonly problems: readonly Problem[];
}

/**
 * Merges the sources and validates once.
 * @param schemas each takes its own keys from the one set of flags, variables and keys of the file.
 * @returns what each schema made of its input, frozen, in the same order.
 * @throws {SettingsError} with every mistake, each with its key and where it was made.
 */
export function readSettings(schemas: readonly z.ZodType[], sources: Sources): unknown[] {
  const groups = schemas.map((schema) => ({ schema, fields: fieldsOf(schema) }));
  const fields = groups.flatMap((group) => group.fields);
  const flags = fromFlags(fields, sources.flags);
  const environment = fromEnvironment(fields, sources.environment);
  const fileProblems = sources.file?.problems ?? [];
  const problems = [...sources.problems, ...flags.problems, ...environment.problems, ...fileProblems];

  const known = new Set(fields.map((field) => field.key));
  for (const [key, { from }] of sources.file?.given ?? [])
    if (!known.has(key)) problems.push({ key, from, message: `no such setting${suggestion(key, known)}` });

  const given = new Map([...(sources.file?.given ?? []), ...environment.given, ...flags.given]);
  const unreadable = new Set(problems.map((problem) => problem.key));
  const values = groups.map(({ schema, fields }) => {
    const own = fields.flatMap(({ key }) => (given.has(key) ? [[key, given.get(key)?.value] as const] : []));
    const result = schema.safeParse(Object.fromEntries(own));
    if (result.success) return freeze(result.data);
    for (const issue of result.error.issues) {
      const key = String(issue.path[0] ?? "");
      if (!unreadable.has(key)) problems.push(problemOf(issue, fields, given, sources.file));
    }
    return undefined;
  });
  if (problems.length > 0) throw new SettingsError(problems);
  return values;
}

function problemOf(
  issue: z.core.$ZodIssue,
  fields: readonly Field[],
  given: ReadonlyMap<string, Given>,
  file: YamlFile | undefined,
): Problem {
  const key = String(issue.path[0] ?? "");
  const field = fields.find((field) => field.key === key);
  const source = given.get(key);
  if (source === undefined) {
    if (issue.code !== "invalid_type" || field === undefined) return { key: key || "settings", message: issue.message };
    const ways = [...waysToGive(field), `${key}: in the file`].join(", ");
    return { key, message: `is required; give it as ${ways}` };
  }
  const path = issue.path.map(String).join(".");
  if (issue.path.length > 1) return { key: path, from: file?.place(issue.path) ?? source.from, message: issue.message };
  const shown = field?.kind === "structured" ? "" : ` (it is ${show(field, source.value)})`;
  return { key, from: source.from, message: issue.message + shown };
}

function freeze(value: unknown): unknown {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}
