import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SendWindow } from "./send-window.js";

const limits = { bytesMin: 1_000, bytesMax: 50_000, messagesMax: 16 };

/** Keeps the window full for a while, over a link that carries so much and takes so long to acknowledge. */
function bytesLimitAfter(bytesPerMs: number, latencyMs: number): number {
  const window = new SendWindow(limits);
  const under: { bytes: number; ackAtMs: number }[] = [];
  let linkFreeAtMs = 0;
  for (let nowMs = 0; nowMs < 20_000; nowMs++) {
    while (under[0] !== undefined && under[0].ackAtMs <= nowMs) window.acknowledged(under.shift()?.bytes ?? 0, nowMs);
    while (window.hasRoom(500)) {
      window.sent(500, nowMs);
      linkFreeAtMs = Math.max(nowMs, linkFreeAtMs) + 500 / bytesPerMs;
      under.push({ bytes: 500, ackAtMs: linkFreeAtMs + latencyMs });
    }
  }
  return window.bytesLimit;
}

test.each([
  ["a slow link gets the least", 1, 10, limits.bytesMin, limits.bytesMin],
  ["half a second of a middling link", 10, 50, 4_000, 6_000],
  ["a fast link gets the most that its messages allow", 1_000, 1, limits.bytesMax, limits.bytesMax],
])("%s", (_name, bytesPerMs, latencyMs, least, most) => {
  const limit = bytesLimitAfter(bytesPerMs, latencyMs);
  expect(limit).toBeGreaterThanOrEqual(least);
  expect(limit).toBeLessThanOrEqual(most);
});

test("a message larger than the window goes alone", () => {
  const window = new SendWindow(limits);
  expect(window.hasRoom(1_000_000)).toBe(true);
  window.sent(1_000_000, 0);
  expect(window.hasRoom(1)).toBe(false);
});

test("time in which nothing was under way does not count", () => {
  const window = new SendWindow(limits);
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 10; i++) window.sent(1_000, second * 1_000);
    window.acknowledged(1_000, second * 1_000 + 100);
    for (let i = 0; i < 9; i++) window.acknowledged(1_000, second * 1_000 + 110);
  }
  expect(window.bytesLimit).toBeGreaterThan(limits.bytesMin);
});

test("a new connection starts small", () => {
  const window = new SendWindow(limits);
  for (let i = 0; i < 10; i++) window.sent(1_000, 0);
  window.acknowledged(1_000, 100);
  expect(window.bytesLimit).toBeGreaterThan(limits.bytesMin);
  window.reset();
  expect([window.bytes, window.messages, window.bytesLimit]).toEqual([0, 0, limits.bytesMin]);
});

test("whatever is sent and acknowledged, the bounds hold", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 80_000 }), fc.boolean(), fc.nat(300))), (steps) => {
      const window = new SendWindow(limits);
      const under: number[] = [];
      let nowMs = 0;
      for (const [bytes, isAck, elapsedMs] of steps) {
        nowMs += elapsedMs;
        if (isAck && under.length > 0) window.acknowledged(under.shift() ?? 0, nowMs);
        if (!window.hasRoom(bytes)) continue;
        window.sent(bytes, nowMs);
        under.push(bytes);
        expect(window.bytesLimit).toBeGreaterThanOrEqual(limits.bytesMin);
        expect(window.bytesLimit).toBeLessThanOrEqual(limits.bytesMax);
        expect(under.length === 1 || (window.bytes <= limits.bytesMax && under.length <= limits.messagesMax)).toBe(
          true,
        );
      }
    }),
  ));
