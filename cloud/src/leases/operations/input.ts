import { z } from "zod";
import { invalid, LeaseError } from "../lease-error.js";
import { Placeholders } from "../expressions/tokens.js";
import type { Item } from "../values/attribute-value.js";
import { readItem, readValue } from "../values/read-value.js";
import { memberAt, violated } from "./violations.js";

const given = z.custom<object>((value) => typeof value === "object" && value !== null && !Array.isArray(value));

/** Attributes by name. */
export const item = given.transform((value) => readItem(value));
export const value = given.transform((one) => readValue(one));

/** A table, by its name or its ARN. */
export const tableName = z
  .string()
  .transform((text) => /^arn:aws:dynamodb:[^:]*:[^:]*:table\/([^/]+)$/.exec(text)?.[1] ?? text)
  .pipe(
    z
      .string()
      .regex(/^[a-zA-Z0-9_.-]+$/, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
      .min(3)
      .max(255),
  );

export const attributeName = z.string().min(1).max(65_535);

/** A map whose keys are the client's own names. */
export function mapOf<T extends z.ZodType>(member: T): z.ZodType<ReadonlyMap<string, z.output<T>>> {
  return given.transform((map, context) => {
    const read = new Map<string, z.output<T>>();
    for (const [name, one] of Object.entries(map)) {
      const result = member.safeParse(one);
      if (result.success) read.set(name, result.data);
      else
        context.issues.push(
          ...result.error.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] }) as never),
        );
    }
    return read;
  });
}

/** What every request with expressions may carry. */
export const placeholderMembers = {
  ExpressionAttributeNames: mapOf(z.string()).optional(),
  ExpressionAttributeValues: mapOf(value).optional(),
};

/** What stands for names and values in a request's expressions. */
export function placeholdersOf(input: {
  readonly ExpressionAttributeNames?: ReadonlyMap<string, string> | undefined;
  readonly ExpressionAttributeValues?: Item | undefined;
}): Placeholders {
  return new Placeholders(
    input.ExpressionAttributeNames ?? new Map<string, string>(),
    input.ExpressionAttributeValues ?? new Map(),
  );
}

/**
 * A body as its operation declares it; what it does not know is ignored.
 * @throws {LeaseError} `malformed` for wrong types, `invalid` with every constraint that is broken.
 */
export function readInput<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const { issues } = result.error;
  const isMissing = (path: readonly PropertyKey[]): boolean => memberAt(body, path) === undefined;
  const wrongType = issues.find(({ code, path }) => (code === "invalid_type" || code === "custom") && !isMissing(path));
  if (wrongType !== undefined) {
    throw new LeaseError("malformed", `${wrongType.path.join(".")}: ${wrongType.message}`);
  }
  throw violated(body, issues);
}

/** Refuses a request that mixes expressions with the parameters from before them. */
export function refuseMixture(
  input: Readonly<Record<string, unknown>>,
  expressions: readonly string[],
  others: readonly string[],
): void {
  const used = expressions.filter((name) => input[name] !== undefined);
  const older = others.filter((name) => input[name] !== undefined);
  if (used.length === 0 || older.length === 0) return;
  throw invalid(
    "Can not use both expression and non-expression parameters in the same request: " +
      `Non-expression parameters: {${older.join(", ")}} Expression parameters: {${used.join(", ")}}`,
  );
}
