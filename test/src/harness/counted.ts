import { type Metrics, sumOf } from "./metrics.js";
import type { Part } from "./part.js";
import { until } from "./until.js";

/**
 * Does something bad to a part and waits until its metrics count it: answers by how much the sum of the matching samples
 * rose.
 * @throws {Error} where it does not rise, or the process is not the same as before.
 */
export async function countedBy(part: Part, pattern: RegExp, act: () => Promise<void>): Promise<number> {
  const before = await part.metrics();
  const { pid } = part;
  await act();
  const rise = await until(
    () => `${part.name} to count it under ${pattern}; it counts ${totals(before)}`,
    async () => Math.max(sumOf(await part.metrics(), pattern) - sumOf(before, pattern), 0) || undefined,
    { deadlineMs: 10_000 },
  );
  if (part.pid !== pid || part.child.exit !== undefined) throw new Error(`${part.name} did not survive it`);
  return rise;
}

function totals(metrics: Metrics): string {
  return [...metrics.keys()].filter((name) => /^headwater_\w*_total/.test(name)).join(", ");
}
