import fc from "fast-check";
import { expect, test } from "vitest";
import { Watermarks } from "./watermarks.js";

const lane = { device: "cam", spoolId: "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d", lane: 0 };
const none = (): void => undefined;

test("what is on disk is a repeat, what is being synced is pending, what failed is new again", () => {
  const marks = new Watermarks(10, none);
  expect(marks.judge(lane, 0)).toBe("new");
  marks.appending(lane, 5);
  expect(marks.judge(lane, 5)).toBe("pending");
  expect(marks.judge(lane, 6)).toBe("new");
  marks.committed(lane, 5);
  expect(marks.judge(lane, 5)).toBe("committed");
  marks.appending(lane, 9);
  marks.failed(lane);
  expect(marks.judge(lane, 9)).toBe("new");
  expect(marks.judge(lane, 5)).toBe("committed");
});

test("devices, spools and lanes don't know of each other", () => {
  const marks = new Watermarks(10, none);
  marks.committed(lane, 7);
  expect(marks.judge({ ...lane, lane: 1 }, 7)).toBe("new");
  expect(marks.judge({ ...lane, device: "cam2" }, 7)).toBe("new");
  expect(marks.judge({ ...lane, spoolId: "00000000-0000-4000-8000-000000000000" }, 7)).toBe("new");
});

test("a snapshot holds what is committed and nothing that is not", () => {
  const marks = new Watermarks(10, none);
  marks.committed(lane, 7);
  marks.appending(lane, 9);
  marks.appending({ ...lane, lane: 1 }, 3);
  const restored = new Watermarks(10, none);
  restored.restore(marks.encode());
  expect(restored.judge(lane, 7)).toBe("committed");
  expect(restored.judge(lane, 8)).toBe("new");
  expect(restored.judge({ ...lane, lane: 1 }, 3)).toBe("new");
  expect(restored.size).toBe(1);
});

test("bounded: the least recently used lane goes, never one that is being synced, and it is told", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (lanes) => {
      let forgotten = 0;
      const marks = new Watermarks(5, (count) => (forgotten += count));
      const pending = { ...lane, lane: 99 };
      marks.appending(pending, 1);
      for (const number of lanes) marks.committed({ ...lane, lane: number }, 1);
      expect(marks.size).toBeLessThanOrEqual(5);
      expect(marks.judge(pending, 1)).toBe("pending");
      for (const last of lanes.slice(-1)) expect(marks.judge({ ...lane, lane: last }, 1)).toBe("committed");
      expect(forgotten > 0 || new Set(lanes).size <= 4).toBe(true);
    }),
  );
});
