import { expect, test } from "vitest";
import { collectGarbage } from "../../testing/collect-garbage.js";
import { readPlainHead } from "./plain-head.js";

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test("what is remembered of a producer for long does not keep the head that it came with", () => {
  const PRODUCERS = 5000;
  const HEAD_BYTES = 2000;
  const kept: string[] = [];
  const before = heapBytes();
  for (let i = 0; i < PRODUCERS; i++) {
    const id = `camera/00000000-0000-4000-8000-${String(i).padStart(12, "0")}/1`;
    const lines = [
      "POST / HTTP/1.1",
      "host: h",
      "x-amz-target: a.b",
      `x-headwater-producer: ${id}`,
      "content-length: 0",
    ];
    const bytes = Buffer.from([...lines, `x-a: ${"b".repeat(HEAD_BYTES - 200)}`, "", ""].join("\r\n"), "latin1");
    // As the header's parser keeps it.
    kept.push(String(readPlainHead(bytes)?.headers["x-headwater-producer"]).slice(7, 43));
  }
  expect(heapBytes() - before).toBeLessThan((PRODUCERS * HEAD_BYTES) / 4);
  expect(kept.at(-1)).toBe("00000000-0000-4000-8000-000000004999");
});
