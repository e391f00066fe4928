import { invalid } from "../lease-error.js";
import type { AttributeValue } from "../values/attribute-value.js";
import type { Path } from "./path.js";

/** Source: DynamoDB Developer Guide, quotas on expression parameters. */
const EXPRESSION_BYTES_MAX = 4096;
const TOKEN = /\s*(?:([A-Za-z_]\w*)|(#\w+)|(:\w+)|(\d+)|(<>|<=|>=|[=<>(),.[\]+-]))/y;

function checkKeys(kind: string, given: ReadonlyMap<string, unknown>, pattern: RegExp): void {
  const wrong = [...given.keys()].find((key) => !pattern.test(key));
  if (wrong === undefined) return;
  throw invalid(`ExpressionAttribute${kind} contains invalid key: Syntax error; key: "${wrong}"`);
}

/** What stands for names and values in a request's expressions; each must be used. */
export class Placeholders {
  readonly #unused: Set<string>;

  /** @throws {LeaseError} `invalid` for keys that could stand nowhere. */
  constructor(
    readonly names: ReadonlyMap<string, string>,
    readonly values: ReadonlyMap<string, AttributeValue>,
  ) {
    checkKeys("Names", names, /^#\w+$/);
    checkKeys("Values", values, /^:\w+$/);
    this.#unused = new Set([...names.keys(), ...values.keys()]);
  }

  name(placeholder: string, what: string): string {
    const name = this.names.get(placeholder);
    if (name === undefined)
      throw invalid(
        `Invalid ${what}: An expression attribute name used in the document path is not defined; attribute name: ${placeholder}`,
      );
    this.#unused.delete(placeholder);
    return name;
  }

  value(placeholder: string, what: string): AttributeValue {
    const value = this.values.get(placeholder);
    if (value === undefined)
      throw invalid(
        `Invalid ${what}: An expression attribute value used in expression is not defined; attribute value: ${placeholder}`,
      );
    this.#unused.delete(placeholder);
    return value;
  }

  /** To be called when all expressions are read. @throws {LeaseError} `invalid` where something was given for nothing. */
  checkAllUsed(): void {
    for (const [prefix, kind] of [
      ["#", "Names"],
      [":", "Values"],
    ] as const) {
      const unused = [...this.#unused].filter((one) => one.startsWith(prefix));
      if (unused.length > 0) {
        throw invalid(
          `Value provided in ExpressionAttribute${kind} unused in expressions: keys: {${unused.join(", ")}}`,
        );
      }
    }
  }
}

/** An expression, token by token. Reserved words are not told from names, which AWS does. */
export class Tokens {
  readonly #tokens: readonly string[];
  readonly #what: string;
  readonly #placeholders: Placeholders;
  #at = 0;

  /** @param what the expression's name in messages, such as `ConditionExpression`. */
  constructor(expression: string, what: string, placeholders: Placeholders) {
    this.#what = what;
    this.#placeholders = placeholders;
    if (expression.trim() === "") throw invalid(`Invalid ${what}: The expression can not be empty;`);
    if (Buffer.byteLength(expression) > EXPRESSION_BYTES_MAX) {
      throw invalid(`Invalid ${what}: Expression size has exceeded the maximum allowed size;`);
    }
    this.#tokens = this.#split(expression.trimEnd());
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  /** Takes the next token where it is this one; words in any case. */
  take(token: string): boolean {
    if (this.#tokens[this.#at]?.toUpperCase() !== token) return false;
    this.#at += 1;
    return true;
  }

  /** Takes the next token where it is one of these. */
  takeAny<const T extends string>(...tokens: readonly T[]): T | undefined {
    return tokens.find((token) => this.take(token));
  }

  expect(token: string): void {
    if (!this.take(token)) throw this.unexpected();
  }

  /** Takes a function's name and its opening parenthesis, as they are spelled. */
  takeCall(): string | undefined {
    const name = this.#tokens[this.#at] ?? "";
    if (this.#tokens[this.#at + 1] !== "(" || !/^[a-z_]+$/.test(name)) return undefined;
    this.#at += 2;
    return name;
  }

  takeValue(): AttributeValue | undefined {
    const token = this.#tokens[this.#at];
    if (token?.startsWith(":") !== true) return undefined;
    this.#at += 1;
    return this.#placeholders.value(token, this.#what);
  }

  path(): Path {
    const steps: (string | number)[] = [];
    const head = this.#name();
    for (;;) {
      if (this.take(".")) steps.push(this.#name());
      else if (this.take("[")) {
        const index = this.#tokens[this.#at++] ?? "";
        if (!/^\d{1,9}$/.test(index)) throw this.unexpected(-1);
        steps.push(Number(index));
        this.expect("]");
      } else return [head, ...steps];
    }
  }

  paths(): Path[] {
    const paths = [this.path()];
    while (this.take(",")) paths.push(this.path());
    return paths;
  }

  finish(): void {
    if (!this.isAtEnd) throw this.unexpected();
  }

  unexpected(offset = 0): Error {
    const token = this.#tokens[this.#at + offset] ?? "<EOF>";
    const near = this.#tokens.slice(Math.max(0, this.#at + offset - 1), this.#at + offset + 2).join(" ");
    return this.invalid(`Syntax error; token: "${token}", near: "${near}"`);
  }

  invalid(why: string): Error {
    return invalid(`Invalid ${this.#what}: ${why}`);
  }

  #name(): string {
    const token = this.#tokens[this.#at] ?? "";
    if (!/^[A-Za-z_#]/.test(token)) throw this.unexpected();
    this.#at += 1;
    return token.startsWith("#") ? this.#placeholders.name(token, this.#what) : token;
  }

  #split(expression: string): string[] {
    const tokens: string[] = [];
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < expression.length) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(expression);
      if (match === null) {
        const rest = expression.slice(from).trim();
        throw this.invalid(`Syntax error; token: "${rest.slice(0, 1)}", near: "${rest.slice(0, 10)}"`);
      }
      tokens.push(match[0].trim());
    }
    return tokens;
  }
}
