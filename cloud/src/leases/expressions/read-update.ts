import { isSet } from "../values/attribute-value.js";
import type { Path } from "./path.js";
import { type Placeholders, Tokens } from "./tokens.js";
import type { Action, Term } from "./update.js";

const DEPTH_MAX = 32;
const SECTIONS = ["SET", "REMOVE", "ADD", "DELETE"] as const;

/** Reads an UpdateExpression. @throws {LeaseError} `invalid`. */
export function readUpdate(expression: string, placeholders: Placeholders): Action[] {
  const tokens = new Tokens(expression, "UpdateExpression", placeholders);
  const actions: Action[] = [];
  const seen = new Set<string>();
  while (!tokens.isAtEnd) {
    const section = tokens.takeAny(...SECTIONS);
    if (section === undefined) throw tokens.unexpected();
    if (seen.has(section))
      throw tokens.invalid(`The "${section}" section can only be used once in an update expression;`);
    seen.add(section);
    do actions.push(readAction(section, tokens));
    while (tokens.take(","));
  }
  checkOverlaps(actions, tokens);
  return actions;
}

function readAction(section: (typeof SECTIONS)[number], tokens: Tokens): Action {
  const path = tokens.path();
  if (section === "REMOVE") return { kind: "remove", path };
  if (section === "SET") {
    tokens.expect("=");
    return { kind: "set", path, term: readTerm(tokens, 0) };
  }
  const value = tokens.takeValue();
  if (value === undefined) throw tokens.unexpected();
  if (isSet(value) || (section === "ADD" && value.type === "N")) {
    return { kind: section === "ADD" ? "add" : "delete", path, value };
  }
  throw tokens.invalid(
    `Incorrect operand type for operator or function; operator: ${section}, operand type: ${value.type}`,
  );
}

function readTerm(tokens: Tokens, depth: number): Term {
  const left = readSimpleTerm(tokens, depth);
  if (tokens.take("+")) return { kind: "plus", left, right: readSimpleTerm(tokens, depth) };
  if (tokens.take("-")) return { kind: "minus", left, right: readSimpleTerm(tokens, depth) };
  return left;
}

function readSimpleTerm(tokens: Tokens, depth: number): Term {
  if (depth > DEPTH_MAX) throw tokens.invalid("The expression contains too many levels;");
  const value = tokens.takeValue();
  if (value !== undefined) return { kind: "value", value };
  if (tokens.take("(")) {
    const inner = readTerm(tokens, depth + 1);
    tokens.expect(")");
    return inner;
  }
  const call = tokens.takeCall();
  if (call === undefined) return { kind: "path", path: tokens.path() };
  if (call === "if_not_exists") {
    const path = tokens.path();
    tokens.expect(",");
    const otherwise = readSimpleTerm(tokens, depth + 1);
    tokens.expect(")");
    return { kind: "if-not-exists", path, otherwise };
  }
  if (call !== "list_append") throw tokens.invalid(`Invalid function name; function: ${call}`);
  const left = readSimpleTerm(tokens, depth + 1);
  tokens.expect(",");
  const right = readSimpleTerm(tokens, depth + 1);
  tokens.expect(")");
  return { kind: "append", left, right };
}

/** No two actions may mean the same place, or one within the other's. */
function checkOverlaps(actions: readonly Action[], tokens: Tokens): void {
  for (const [i, { path: one }] of actions.entries()) {
    for (const { path: other } of actions.slice(i + 1)) {
      const shared = Math.min(one.length, other.length);
      if (!one.slice(0, shared).every((step, at) => step === other[at])) continue;
      throw tokens.invalid(
        `Two document paths overlap with each other; must remove or rewrite one of these paths; path one: ${shown(one)}, path two: ${shown(other)}`,
      );
    }
  }
}

function shown(path: Path): string {
  return `[${path.join(", ")}]`;
}
