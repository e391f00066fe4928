import { expect, test } from "vitest";
import { CaptureTimeline } from "./capture-timeline.js";

const anywhere = (): number => Number.POSITIVE_INFINITY;
const nowhere = (): undefined => undefined;
const oneFrame = (): number => 40;

test("the camera's distances stand, however late its frames arrive", () => {
  const timeline = new CaptureTimeline(1000, 1000);
  const times = [0, 40, 80, 120].map((timecodeMs) => timeline.timeOf(timecodeMs, 1000 + 3 * timecodeMs, nowhere));
  expect(times).toEqual([1000, 1040, 1080, 1120]);
});

test("a frame cannot be of the future: the next fragment begins earlier, but not before the last has ended", () => {
  const timeline = new CaptureTimeline(1000, 1000);
  expect(timeline.timeOf(100, 1050, nowhere)).toBe(1100);
  expect(timeline.timeOf(200, 1150, () => 30)).toBe(1170);
  expect(timeline.timeOf(300, 1250, () => 30)).toBe(1250);
  expect(timeline.timeOf(400, 1350, anywhere)).toBe(1350);
});

test("a camera whose clock is slow is caught up with once a minute, where a fragment begins", () => {
  const timeline = new CaptureTimeline(0, 0);
  // One part in a thousand: 60 ms a minute.
  const offBy = (arrivedMs: number, room = anywhere): number =>
    arrivedMs - (timeline.timeOf(arrivedMs * 0.999, arrivedMs, room) ?? Number.NaN);
  let most = 0;
  for (let arrivedMs = 0; arrivedMs < 3_600_000; arrivedMs += 1000) most = Math.max(most, offBy(arrivedMs));
  expect(most).toBeGreaterThan(50);
  expect(most).toBeLessThan(200);
});

test("a network that stalls for some seconds moves nothing", () => {
  const timeline = new CaptureTimeline(0, 0);
  for (let at = 0; at < 200_000; at += 1000) {
    const lateMs = at % 30_000 === 0 ? 5_000 : 10;
    expect(Math.abs((timeline.timeOf(at, at + lateMs, anywhere) ?? 0) - at)).toBeLessThanOrEqual(10);
  }
});

test("a time line that breaks begins anew where a fragment can", () => {
  const timeline = new CaptureTimeline(0, 0);
  expect(timeline.timeOf(1000, 1000, anywhere)).toBe(1000);
  expect(timeline.timeOf(3_600_000, 1040, nowhere)).toBeUndefined();
  expect(timeline.timeOf(3_600_040, 1080, anywhere)).toBe(1080);
  expect(timeline.timeOf(3_600_080, 1120, nowhere)).toBe(1120);
  expect(timeline.timeOf(0, 1160, anywhere)).toBe(1160);
});

test("a camera that sets its clock forward by seconds is not believed for minutes", () => {
  const timeline = new CaptureTimeline(0, 0);
  expect(timeline.timeOf(1000, 1000, oneFrame)).toBe(1000);
  expect(timeline.timeOf(4040, 1040, nowhere)).toBeUndefined();
  expect(timeline.timeOf(5000, 2000, oneFrame)).toBe(2000);
  expect(timeline.timeOf(5040, 2040, nowhere)).toBe(2040);
});
