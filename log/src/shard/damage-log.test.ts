import { expect, test } from "vitest";
import type { Damage, LogEvent } from "../api.js";
import { range } from "../testing/records.js";
import { DamageLog } from "./damage-log.js";

const at = (offset: number): Damage => ({ file: "/segment", offset, bytes: 8, kind: "damaged" });

test("each place counts once; the last 1,000 are told, and what is remembered has a bound", () => {
  const events: LogEvent[] = [];
  const damage = new DamageLog((event) => events.push(event));
  for (const offset of [...range(0, 5000), ...range(0, 5000)]) damage.add(at(offset));
  expect(damage.damaged).toBe(5000);
  expect(damage.latest()).toEqual(range(4000, 5000).map(at));
  expect(events).toHaveLength(101);
  for (const offset of range(5000, 20_000)) damage.add(at(offset));
  damage.add(at(19_999));
  expect(damage.damaged).toBe(20_000);
  damage.add(at(0)); // forgotten meanwhile
  expect(damage.damaged).toBe(20_001);
});
