import { z } from "zod";
import type { LeaseState, Outcome } from "../lease-state.js";
import { readInput } from "./input.js";

/** What operations need beside the tables. */
export interface LeaseContext {
  readonly accountId: string;
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One operation: reads its body, and says what to answer and what to change. @throws {LeaseError} */
export type LeaseOperation = (body: unknown, state: LeaseState, context: LeaseContext) => Outcome;

/** Declares an operation by its input's shape. */
export function leaseOperation<T extends z.ZodType>(
  schema: T,
  run: (input: z.output<T>, state: LeaseState, context: LeaseContext) => Outcome,
): LeaseOperation {
  return (body, state, context) => run(readInput(schema, body), state, context);
}

/** The outcome of an operation that changes nothing. */
export function answered(answer: unknown): Outcome {
  return { answer, changes: [] };
}
