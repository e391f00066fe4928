import type { ReadRecord } from "../programs/history.js";
import type { Violation } from "./check-histories.js";

/**
 * The agent keeps no history that the test could read, but its measurements carry their time of capture: what came through
 * must rise, and nothing may be there twice.
 */
export function checkSensor(read: readonly ReadRecord[]): Violation[] {
  const violations: Violation[] = [];
  let last = 0;
  for (const { shard, sequenceNumber, data } of read) {
    const text = Buffer.from(data).toString();
    const time = (JSON.parse(text) as { time: string }).time;
    const captureMs = Date.parse(time);
    const detail = `${shard} ${sequenceNumber}: ${text.slice(0, 100)}`;
    if (Number.isNaN(captureMs)) violations.push({ kind: "invented", detail });
    else if (captureMs === last) violations.push({ kind: "doubled", detail });
    else if (captureMs < last) violations.push({ kind: "reordered", detail });
    last = captureMs;
  }
  if (read.length === 0) violations.push({ kind: "lost", detail: "no measurement came through" });
  return violations;
}
