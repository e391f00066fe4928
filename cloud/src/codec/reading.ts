import { CloudError } from "../cloud-error.js";

/** The encodings of the two wire protocols; they differ in blobs and timestamps. */
export type Encoding = "json" | "cbor";

const VIOLATIONS_MAX = 10;
/** Of what is shown of a value, which AWS shows whole: enough for any that clients mean. */
const SHOWN_CHARACTERS_MAX = 1 << 16;

/** One pass over an input: where in it we are, and what broke a constraint so far. */
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

  /** Notes that the value here breaks a constraint; without `shown`, the message says no value, as AWS does of records. */
  violated(constraint: string, shown?: string | number | null): void {
    if (this.isFull) return;
    this.#violations.push(`Value ${show(shown)}at '${this.#where()}' failed to satisfy constraint: ${constraint}`);
  }

  get isClean(): boolean {
    return this.#violations.length === 0;
  }

  /** Whether no further violation would be told. */
  get isFull(): boolean {
    return this.#violations.length >= VIOLATIONS_MAX;
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

function show(value: string | number | null | undefined): string {
  if (value === undefined) return "";
  if (value === null) return "null ";
  return `'${shortened(String(value))}' `;
}

/** Text as messages show it. */
export function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
