/** The highest write throughput of each of the last days, as a number of shards that it fills. */
export interface WritePeaks {
  /** Since when it was measured, in ms since 1970. */
  readonly sinceMs: number;
  /** Rising by day, counted from 1970. */
  readonly days: readonly { readonly day: number; readonly shards: number }[];
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** A peak counts for so long. Source: Kinesis Data Streams Developer Guide, on-demand mode. */
const DAYS_KEPT = 30;
/** What is not that much higher is not worth a sync. */
const WORTH_NOTING = 1.05;

export function noPeaks(nowMs: number): WritePeaks {
  return { sinceMs: nowMs, days: [] };
}

/** The highest of all days that still count. */
export function highestPeak({ days }: WritePeaks, nowMs: number): number {
  const today = dayOf(nowMs);
  return Math.max(0, ...days.filter(({ day }) => day > today - DAYS_KEPT).map(({ shards }) => shards));
}

/** Notes a throughput. Answers the same peaks where it changes them by nothing worth noting. */
export function notePeak(peaks: WritePeaks, shards: number, nowMs: number): WritePeaks {
  const today = dayOf(nowMs);
  const known = peaks.days.find(({ day }) => day === today);
  // A quiet day needs no entry: no peak is nothing.
  if (shards <= (known?.shards ?? 0) * WORTH_NOTING) return peaks;
  const others = peaks.days.filter(({ day }) => day !== today && day > today - DAYS_KEPT);
  const days = [...others, { day: today, shards }].sort((a, b) => a.day - b.day);
  return { ...peaks, days };
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS);
}
