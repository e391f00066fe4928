import { ManualClock } from "@headwater/log/testing";
import { expect, test } from "vitest";
import { BodyBudget } from "./http/body-budget.js";
import { CloudMetrics } from "./metrics.js";
import { MemoryLog } from "./testing/memory-log.js";

test("the event loop's busy time grows by what it works", async () => {
  const budget = new BodyBudget({ bytesMax: 1, waitMs: 1, waitingMax: 1 });
  const metrics = new CloudMetrics({ log: new MemoryLog(new ManualClock()), budget });
  const busySeconds = async (): Promise<number> =>
    Number(/^headwater_cloud_event_loop_busy_seconds (.*)$/m.exec(await metrics.text())?.[1]);
  const before = await busySeconds();
  for (const endMs = performance.now() + 20; performance.now() < endMs;);
  expect(await busySeconds()).toBeGreaterThan(before + 0.019);
});
