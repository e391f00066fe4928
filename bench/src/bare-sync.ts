import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Measured } from "./measure.js";
import { quantile } from "./median.js";

export interface SyncLoad {
  readonly recordBytes: number;
  readonly recordsPerSecond: number;
  readonly measureMs: number;
}

/**
 * What nobody who syncs a record before he answers can be quicker than: a write and an fdatasync by Node, at the same rate and on
 * the same disk, into a file that is long enough already.
 */
export async function measureBareSync(
  directory: string,
  { recordBytes, recordsPerSecond, measureMs }: SyncLoad,
): Promise<Measured> {
  const gapMs = 1000 / recordsPerSecond;
  const count = Math.round(measureMs / gapMs);
  const record = Buffer.alloc(recordBytes, 1);
  const file = await open(join(directory, "bare-sync"), "w");
  await file.truncate(count * recordBytes);
  await file.datasync();
  const callMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const beganAt = performance.now();
  for (let n = 0; n < count; n++) {
    await sleep(Math.max(0, beganAt + n * gapMs - performance.now()));
    const sentAt = performance.now();
    await file.write(record, 0, recordBytes, n * recordBytes);
    await file.datasync();
    callMs.push(performance.now() - sentAt);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  await file.close();
  return {
    recordsPerSecond,
    cpuUsPerRecord: (user + system) / count,
    callMsP50: quantile(callMs, 0.5),
    callMsP99: quantile(callMs, 0.99),
  };
}
