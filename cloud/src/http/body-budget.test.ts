import { EventEmitter } from "node:events";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { BodyBudget } from "./body-budget.js";

const LIMITS = { bytesMax: 100, waitMs: 20_000, waitingMax: 3 };

/** Takes so many bytes for a client, and notes when it got them. */
function taker(budget: BodyBudget) {
  const response = new EventEmitter();
  const state: { taken: boolean; refused?: unknown } = { taken: false };
  const shares: (() => void)[] = [];
  return {
    state,
    leave: () => response.emit("close"),
    giveBack: () => shares.pop()?.(),
    async take(bytes: number): Promise<void> {
      try {
        shares.push(await budget.take(bytes, response));
        state.taken = true;
      } catch (error) {
        state.refused = error;
      }
    },
  };
}

/** Lets whatever can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function takers(budget: BodyBudget, ...sizes: number[]): Promise<ReturnType<typeof taker>[]> {
  const all = sizes.map(() => taker(budget));
  for (const [i, bytes] of sizes.entries()) void all[i]?.take(bytes);
  await settle();
  return all;
}

const taken = (all: readonly ReturnType<typeof taker>[]): boolean[] => all.map(({ state }) => state.taken);

describe("a body's share of memory", () => {
  test("is there at once while there is enough, then in the order of asking", async () => {
    const budget = new BodyBudget(LIMITS);
    const all = await takers(budget, 60, 40, 80, 10);
    expect([taken(all), budget.used, budget.waiting]).toEqual([[true, true, false, false], 100, 2]);
    all[1]?.giveBack();
    await settle();
    expect(taken(all), "the small one must not overtake, or large ones would starve").toEqual([
      true,
      true,
      false,
      false,
    ]);
    all[0]?.giveBack();
    await settle();
    expect([taken(all), budget.used]).toEqual([[true, true, true, true], 90]);
  });

  test("is given up by who leaves, which lets the next one in", async () => {
    const budget = new BodyBudget(LIMITS);
    const all = await takers(budget, 60, 80, 40);
    all[1]?.leave();
    await settle();
    expect(all[1]?.state.refused).toMatchObject({ code: "request-incomplete" });
    expect([taken(all), budget.used, budget.waiting]).toEqual([[true, false, true], 100, 0]);
  });

  test("is refused after a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const budget = new BodyBudget(LIMITS);
      const all = await takers(budget, 60, 80, 40);
      vi.advanceTimersByTime(LIMITS.waitMs);
      await settle();
      expect([all[1]?.state.refused, all[2]?.state.taken]).toMatchObject([{ code: "server-busy" }, true]);
      all[0]?.giveBack();
      all[2]?.giveBack();
      expect(budget.used).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test("is refused after a while, of hundreds in several turns", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const budget = new BodyBudget({ ...LIMITS, waitingMax: 200 });
      const [holder, ...waiting] = await takers(budget, 100, ...Array.from({ length: 200 }, () => 1));
      const refused = (): number => waiting.filter((one) => one.state.refused !== undefined).length;
      vi.advanceTimersByTime(LIMITS.waitMs);
      await new Promise((resolve) => process.nextTick(resolve));
      expect(refused()).toBeGreaterThan(0);
      expect(refused()).toBeLessThan(200);
      await vi.waitUntil(() => refused() === 200, { interval: 1 });
      holder?.giveBack();
      expect([budget.used, budget.waiting]).toEqual([0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("is refused at once where too many wait already", async () => {
    const budget = new BodyBudget(LIMITS);
    const all = await takers(budget, 100, 1, 1, 1, 1);
    expect(all[4]?.state.refused).toMatchObject({ code: "server-busy" });
    expect(budget.waiting).toBe(3);
  });
});

test("whatever comes and goes, no more than the limit is taken, and in the end nothing", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 100 }), leaves: fc.boolean() }), { maxLength: 20 }),
      fc.infiniteStream(fc.nat()),
      async (asks, picks) => {
        const budget = new BodyBudget({ ...LIMITS, waitingMax: 50 });
        const all = await takers(budget, ...asks.map(({ bytes }) => bytes));
        for (const [i, { leaves }] of asks.entries()) if (leaves) all[i]?.leave();
        for (let held = all.slice(); held.length > 0;) {
          await settle();
          expect(budget.used).toBeLessThanOrEqual(LIMITS.bytesMax);
          const ready = held.filter(({ state }) => state.taken || state.refused !== undefined);
          expect(ready.length, "somebody can always go on").toBeGreaterThan(0);
          const next = ready[(picks.next().value ?? 0) % ready.length];
          next?.giveBack();
          held = held.filter((other) => other !== next);
        }
        expect([budget.used, budget.waiting]).toEqual([0, 0]);
      },
    ),
    { numRuns: 50 },
  ));
