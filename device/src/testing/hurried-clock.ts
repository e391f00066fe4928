import type { DeviceClock } from "../clock/device-clock.js";
import { systemClock } from "../clock/system-clock.js";

/** The machine's clock, on which waits take a fiftieth of their time: tests cannot wait for real back-off. */
export async function hurriedClock(): Promise<DeviceClock> {
  const clock = await systemClock(true);
  return { ...clock, sleep: (ms, signal) => clock.sleep(ms / 50, signal) };
}
