import type { MatroskaEvent } from "../event.js";
import type { MatroskaLimits } from "../limits.js";
import { MatroskaError, type MatroskaErrorCode } from "../matroska-error.js";
import { MatroskaReader } from "../matroska-reader.js";

export interface WhatWasRead {
  readonly events: readonly MatroskaEvent[];
  /** Undefined where the input was read to its end. */
  readonly error: { readonly code: MatroskaErrorCode; readonly offset: number } | undefined;
}

/**
 * Reads a whole input.
 * @param chunkBytes sizes of the chunks, again from the first when all are used.
 * @throws what is not a {@link MatroskaError}.
 */
export function readAll(
  input: Uint8Array,
  chunkBytes: readonly number[] = [input.length],
  limits?: MatroskaLimits,
): WhatWasRead {
  const reader = new MatroskaReader(limits);
  const events: MatroskaEvent[] = [];
  try {
    for (let at = 0, turn = 0; at < input.length; turn++) {
      const length = Math.max(1, chunkBytes[turn % chunkBytes.length] ?? 1);
      for (const event of reader.push(input.subarray(at, at + length))) events.push(event);
      at += length;
    }
    for (const event of reader.end()) events.push(event);
  } catch (error) {
    if (!(error instanceof MatroskaError)) throw error;
    return { events, error: { code: error.code, offset: error.offset } };
  }
  return { events, error: undefined };
}

/** The events of an input that has no fault. */
export function eventsOf(input: Uint8Array, limits?: MatroskaLimits): readonly MatroskaEvent[] {
  const { events, error } = readAll(input, undefined, limits);
  if (error !== undefined) throw new Error(`${error.code} at byte ${error.offset}`);
  return events;
}
