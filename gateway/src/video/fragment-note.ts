import { z } from "zod";
import type { FragmentId } from "./fragment-id.js";

/** What became of a fragment: it is durable upstream, was put aside for good, or holds no whole frame. */
export type FragmentOutcome = "persisted" | "refused" | "empty";

const schema = z.strictObject({
  v: z.literal(1),
  device: z.string(),
  spool: z.string(),
  lane: z.number().int().min(0),
  fragment: z.number().int().min(0),
  outcome: z.enum(["persisted", "refused", "empty"]),
});

/** The note in a video shard that a fragment is dealt with: what a restart does not send again. */
export function encodeNote({ device, spoolId, lane, fragment }: FragmentId, outcome: FragmentOutcome): Buffer {
  const note: z.input<typeof schema> = { v: 1, device, spool: spoolId, lane, fragment, outcome };
  return Buffer.from(JSON.stringify(note));
}

/** @throws {ZodError} or SyntaxError where {@link encodeNote} did not write the bytes. */
export function decodeNote(bytes: Buffer): FragmentId {
  const { device, spool, lane, fragment } = schema.parse(JSON.parse(bytes.toString("utf8")));
  return { device, spoolId: spool, lane, fragment };
}
