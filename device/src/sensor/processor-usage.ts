/** Time that all processors together have spent, in clock ticks since boot. */
export interface ProcessorTimes {
  readonly busy: number;
  readonly total: number;
}

/**
 * Reads the first line of /proc/stat; `undefined` where it is another.
 * @see proc_stat(5): user nice system idle iowait irq softirq steal guest guest_nice
 */
export function parseProcessorTimes(stat: string): ProcessorTimes | undefined {
  const match = /^cpu((?: +\d+){4,})/.exec(stat);
  // Guest time is already part of user time.
  const ticks = match?.[1]?.trim().split(/ +/).slice(0, 8).map(Number);
  if (ticks === undefined) return undefined;
  const total = ticks.reduce((sum, count) => sum + count, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

/** The processors' use between two readings, in percent of all of them; `undefined` where no time has passed. */
export function processorPercent(before: ProcessorTimes, after: ProcessorTimes): number | undefined {
  const total = after.total - before.total;
  if (total <= 0) return undefined;
  // The kernel's counters of idle time may go back a little.
  const percent = ((after.busy - before.busy) / total) * 100;
  return Math.min(Math.max(percent, 0), 100);
}
