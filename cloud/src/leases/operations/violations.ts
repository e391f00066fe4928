import type { z } from "zod";
import { shortened } from "../../codec/reading.js";
import { invalid, type LeaseError } from "../lease-error.js";

/** The error that DynamoDB makes of broken constraints: all of them, in one message. */
export function violated(body: unknown, issues: readonly z.core.$ZodIssue[]): LeaseError {
  const violations = issues.map((issue) => {
    const given = memberAt(body, issue.path);
    const constraint = given === undefined ? "Member must not be null" : constraintOf(issue);
    return `Value ${show(given)}at '${where(issue.path)}' failed to satisfy constraint: ${constraint}`;
  });
  return invalid(`${issues.length} validation error${issues.length > 1 ? "s" : ""} detected: ${violations.join("; ")}`);
}

export function memberAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let at = body;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  return at;
}

function constraintOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small") {
    return `Member must have ${measureOf(issue.origin)} greater than or equal to ${issue.minimum}`;
  }
  if (issue.code === "too_big") {
    return `Member must have ${measureOf(issue.origin)} less than or equal to ${issue.maximum}`;
  }
  if (issue.code === "invalid_value") return `Member must satisfy enum value set: [${issue.values.join(", ")}]`;
  if (issue.code === "invalid_key") {
    return `Map keys must satisfy constraint: [${issue.issues.map(constraintOf).join(", ")}]`;
  }
  return issue.message;
}

function measureOf(origin: string): string {
  return origin === "number" || origin === "int" ? "value" : "length";
}

/** What was given, as DynamoDB repeats it: of lists and structures with something in them, nothing. */
function show(given: unknown): string {
  if (given === undefined) return "null ";
  if (typeof given === "string" || typeof given === "number") return `'${shortened(String(given))}' `;
  if (typeof given === "object" && given !== null && Object.keys(given).length === 0)
    return `'${JSON.stringify(given)}' `;
  return "";
}

function where(path: readonly PropertyKey[]): string {
  return path.map((step) => (typeof step === "number" ? `${step + 1}.member` : lowerFirst(String(step)))).join(".");
}

function lowerFirst(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}
