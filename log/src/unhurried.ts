import { setImmediate } from "node:timers/promises";

/** Even where there is nothing to do for any of them, so many take a millisecond. */
const atOnce = 256;

/** Goes through shards by the thousand, and lets everybody else have their turn from time to time. */
export async function* unhurried<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  let count = 0;
  for (const item of items) {
    if (count > 0 && count % atOnce === 0) await setImmediate();
    count++;
    yield item;
  }
}
