import type { Comparator, Condition, Operand } from "./condition.js";
import { type Placeholders, Tokens } from "./tokens.js";

/** Deeper nesting than any client writes, and far from the end of the stack. */
const DEPTH_MAX = 100;
const COMPARATORS: readonly Comparator[] = ["=", "<>", "<=", ">=", "<", ">"];

/**
 * Reads a ConditionExpression, FilterExpression or KeyConditionExpression.
 * @param what its name in messages.
 * @throws {LeaseError} `invalid`.
 */
export function readCondition(expression: string, what: string, placeholders: Placeholders): Condition {
  const tokens = new Tokens(expression, what, placeholders);
  const condition = readAny(tokens, 0);
  tokens.finish();
  return condition;
}

function readAny(tokens: Tokens, depth: number): Condition {
  if (depth > DEPTH_MAX) throw tokens.invalid("The expression contains too many levels;");
  const all = [readAll(tokens, depth)];
  while (tokens.take("OR")) all.push(readAll(tokens, depth));
  return all.length === 1 ? all[0]! : { kind: "or", all };
}

function readAll(tokens: Tokens, depth: number): Condition {
  const all = [readOne(tokens, depth)];
  while (tokens.take("AND")) all.push(readOne(tokens, depth));
  return all.length === 1 ? all[0]! : { kind: "and", all };
}

function readOne(tokens: Tokens, depth: number): Condition {
  if (depth > DEPTH_MAX) throw tokens.invalid("The expression contains too many levels;");
  if (tokens.take("NOT")) return { kind: "not", condition: readOne(tokens, depth + 1) };
  if (tokens.take("(")) {
    const inner = readAny(tokens, depth + 1);
    tokens.expect(")");
    return inner;
  }
  const call = tokens.takeCall();
  if (call !== undefined && call !== "size") return readFunction(call, tokens);
  return readComparison(call === undefined ? readOperand(tokens) : readSize(tokens), tokens);
}

function readFunction(name: string, tokens: Tokens): Condition {
  const finished = <T extends Condition>(condition: T): T => {
    tokens.expect(")");
    return condition;
  };
  switch (name) {
    case "attribute_exists":
      return finished({ kind: "exists", path: tokens.path(), exists: true });
    case "attribute_not_exists":
      return finished({ kind: "exists", path: tokens.path(), exists: false });
    case "attribute_type": {
      const path = tokens.path();
      tokens.expect(",");
      const type = tokens.takeValue();
      if (type?.type !== "S")
        throw tokens.invalid("Incorrect operand type for operator or function; operator or function: attribute_type");
      return finished({ kind: "type", path, of: type.value });
    }
    case "begins_with":
    case "contains": {
      const operand = readOperand(tokens);
      tokens.expect(",");
      const kind = name === "contains" ? "contains" : "begins";
      return finished({ kind, operand, part: readOperand(tokens) });
    }
    default:
      throw tokens.invalid(`Invalid function name; function: ${name}`);
  }
}

function readComparison(operand: Operand, tokens: Tokens): Condition {
  if (tokens.take("BETWEEN")) {
    const low = readOperand(tokens);
    tokens.expect("AND");
    return { kind: "between", operand, low, high: readOperand(tokens) };
  }
  if (tokens.take("IN")) {
    tokens.expect("(");
    const of = [readOperand(tokens)];
    while (tokens.take(",")) of.push(readOperand(tokens));
    tokens.expect(")");
    return { kind: "in", operand, of };
  }
  const op = tokens.takeAny(...COMPARATORS);
  if (op === undefined) throw tokens.unexpected();
  return { kind: "compare", op, left: operand, right: readOperand(tokens) };
}

function readOperand(tokens: Tokens): Operand {
  const value = tokens.takeValue();
  if (value !== undefined) return { kind: "value", value };
  const call = tokens.takeCall();
  if (call === "size") return readSize(tokens);
  if (call !== undefined) throw tokens.invalid(`The function is not allowed to be used this way; function: ${call}`);
  return { kind: "path", path: tokens.path() };
}

/** What follows `size(`. */
function readSize(tokens: Tokens): Operand {
  const path = tokens.path();
  tokens.expect(")");
  return { kind: "size", path };
}
