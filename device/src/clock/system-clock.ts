import { randomUUID } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeviceClock } from "./device-clock.js";
import { isSynchronised } from "./synchronisation.js";

/**
 * This machine's clock.
 * @param trusted takes the wall clock as synchronised whatever the machine shows.
 */
export async function systemClock(trusted: boolean): Promise<DeviceClock> {
  const bootId = await readText("/proc/sys/kernel/random/boot_id");
  const deviceTree = await exists("/proc/device-tree");
  return {
    now: () => Date.now(),
    monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
    // Where the kernel names no boot, monotonic times of two processes cannot be compared: each is a boot of its own.
    bootId: bootId ?? randomUUID(),
    async synchronised() {
      if (trusted) return true;
      return isSynchronised({
        timesyncd: await timesyncd(),
        hardwareClockMs: await hardwareClockMs(),
        wallMs: Date.now(),
        trusted,
        deviceTree,
      });
    },
    async sleep(ms, signal) {
      if (signal.aborted) return;
      await sleep(ms, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    },
  };
}

/** systemd-timesyncd's directory is there while it runs, the file in it once it has set the clock. */
async function timesyncd(): Promise<boolean | undefined> {
  if (await exists("/run/systemd/timesync/synchronized")) return true;
  return (await exists("/run/systemd/timesync")) ? false : undefined;
}

async function hardwareClockMs(): Promise<number | undefined> {
  const text = await readText("/sys/class/rtc/rtc0/since_epoch");
  return text !== undefined && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "latin1")).trim();
  } catch {
    return undefined; // not this kind of machine
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
