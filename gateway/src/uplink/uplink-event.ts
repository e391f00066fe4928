import { z } from "zod";

/** A request is about to be sent: synced before its first byte goes out, so that a restart can send the same again. */
export interface Intent {
  readonly type: "intent";
  /** The request's number; with `producer` and the spool's id its name upstream. */
  readonly request: number;
  /** The gateway's id as the request's header gives it. */
  readonly producer: string;
  readonly stream: string;
  readonly shardId: string;
  /** Where the request's entries lie in the stream's spool, rising; an entry's number is its index here. */
  readonly positions: readonly number[];
}

/** A request's answer, or what stands in for one: synced before anything of the request is released. */
export interface Outcome {
  readonly type: "outcome";
  readonly request: number;
  /** Indexes of the entries that are still to be delivered, under another request number. */
  readonly undelivered: readonly number[];
  /** Everything in the stream's spool before this position is delivered or put aside. */
  readonly released: number;
}

export type UplinkEvent = Intent | Outcome;

const whole = z.number().int().min(0);
const encodedSchema = z.union([
  z.strictObject({ i: whole, by: z.string(), s: z.string(), h: z.string(), p: z.array(whole) }),
  z.strictObject({ o: whole, u: z.array(whole), r: whole }),
]);

/** JSON with short keys; positions as the first and the steps from each to the next. */
export function encodeEvent(event: UplinkEvent): Buffer {
  const encoded: z.input<typeof encodedSchema> =
    event.type === "intent"
      ? { i: event.request, by: event.producer, s: event.stream, h: event.shardId, p: stepsOf(event.positions) }
      : { o: event.request, u: [...event.undelivered], r: event.released };
  return Buffer.from(JSON.stringify(encoded));
}

/** @throws {ZodError} or SyntaxError where {@link encodeEvent} did not write the bytes. */
export function decodeEvent(bytes: Buffer): UplinkEvent {
  const encoded = encodedSchema.parse(JSON.parse(bytes.toString("utf8")));
  if ("o" in encoded) return { type: "outcome", request: encoded.o, undelivered: encoded.u, released: encoded.r };
  const { i: request, by: producer, s: stream, h: shardId, p: steps } = encoded;
  let position = 0;
  return { type: "intent", request, producer, stream, shardId, positions: steps.map((step) => (position += step)) };
}

function stepsOf(positions: readonly number[]): number[] {
  return positions.map((position, i) => position - (positions[i - 1] ?? 0));
}
