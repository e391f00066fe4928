import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { holdTimers } from "./journal/testing/held-timers.js";
import { FaultDisk } from "./testing/index.js";
import { Sessions, damagedOf, runs } from "./testing/sessions.js";

const scenarios = fc.record({
  seed: fc.nat(),
  shards: fc.integer({ min: 1, max: 6 }),
  journals: fc.integer({ min: 1, max: 3 }),
  sharedAppendBytesMax: fc.constantFrom(0, 1500, 10_000),
  spareBytesMax: fc.constantFrom(0, 8000, 60_000),
  isEven: fc.boolean(),
});
const pass = holdTimers();

test("after power cuts at any operation, kills and restarts, what was acknowledged is there, in order, once", async () => {
  let crashes = 0;
  let reused = 0;
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      const sessions = new Sessions(scenario, pass);
      const { random } = sessions;
      let disk = new FaultDisk(scenario.seed);
      for (let round = 0; round < 5; round++) {
        const ends = random();
        // Some cuts come early, while the log recovers from the one before.
        const cutAt = Math.floor(random() ** 2 * 300);
        if (ends < 0.6) disk.plan = ({ number }) => (number >= cutAt ? "power-cut" : undefined);
        const log = await sessions.session(disk, 40);
        expect(damagedOf(log)).toEqual([]);
        if (ends >= 0.8) await log?.close();
        vi.clearAllTimers(); // the process is gone
        if (ends < 0.6) {
          disk = disk.powerOn();
          crashes++;
        } else if (ends < 0.8) {
          disk = disk.afterKill();
        } else {
          disk = disk.powerOn();
        }
      }
      reused += sessions.reused.size;
      const log = await sessions.session(disk, 0);
      expect(damagedOf(log)).toEqual([]);
      await log?.close();
    }),
    { numRuns: runs(), endOnFailure: true },
  );
  expect(crashes).toBeGreaterThan(runs());
  expect(reused).toBeGreaterThan(runs());
}, 3_600_000);
