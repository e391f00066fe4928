import { expect, test } from "vitest";
import { stillHeld } from "../../testing/collect-garbage.js";
import { ComingBody } from "./coming-body.js";

const limits = { bytesMax: 1 << 20, idleMs: 30_000, totalMs: 600_000 };
const CHUNK_BYTES = 65_536;

/** A body in two chunks, read by nobody but this, and what became of its bytes. */
async function readWhole(): Promise<{ coming: ComingBody; refs: WeakRef<ArrayBufferLike>[] }> {
  const chunks = [1, 2].map((byte) => Buffer.from(new ArrayBuffer(CHUNK_BYTES)).fill(byte));
  const coming = new ComingBody(2 * CHUNK_BYTES, chunks[0]!, () => undefined);
  const reading = coming.read(limits, undefined);
  expect(coming.push(chunks[1]!)).toBeUndefined();
  const { bytes } = await reading;
  expect(bytes.latin1(CHUNK_BYTES - 1, CHUNK_BYTES + 1)).toBe("\x01\x02");
  return { coming, refs: chunks.map(({ buffer }) => new WeakRef(buffer)) };
}

test("a body that was read is held by its reader alone: its answer may wait for minutes until it is taken", async () => {
  const { coming, refs } = await readWhole();
  expect(await stillHeld(refs)).toEqual([]);
  expect(coming.isWhole).toBe(true);
});
