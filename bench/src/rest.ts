import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MS = 500;
const BUSY_SHARE_MAX = 0.05;
const WAIT_MS_MAX = 30_000;

/**
 * Waits until the machine does next to nothing: a server may work for seconds on what its last run has left to it, and the next one's
 * figures would tell of that. Gives up after half a minute, and says so.
 */
export async function rest(): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const before = times();
    await sleep(LOOK_MS);
    const after = times();
    const share = (after.busy - before.busy) / (after.all - before.all);
    if (share <= BUSY_SHARE_MAX) return;
    if (performance.now() > deadline) {
      process.stderr.write(`the machine is ${Math.round(share * 100)} % busy with something else\n`);
      return;
    }
  }
}

/** Of all cores, in ms. */
function times(): { readonly busy: number; readonly all: number } {
  let [busy, all] = [0, 0];
  for (const { times: spent } of cpus()) {
    const ms = spent.user + spent.nice + spent.sys + spent.irq + spent.idle;
    all += ms;
    busy += ms - spent.idle;
  }
  return { busy, all };
}
