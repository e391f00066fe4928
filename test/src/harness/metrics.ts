/** Samples of a Prometheus text exposition, by `name{labels}` as written. */
export type Metrics = ReadonlyMap<string, number>;

export function parseMetrics(text: string): Metrics {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z_:][\w:]*(?:\{.*\})?) (\S+)/.exec(line);
    if (match?.[1] !== undefined) samples.set(match[1], Number(match[2]));
  }
  return samples;
}

/** The sum of all samples whose `name{labels}` matches. */
export function sumOf(metrics: Metrics, pattern: RegExp): number {
  let sum = 0;
  for (const [sample, value] of metrics) if (pattern.test(sample)) sum += value;
  return sum;
}

/**
 * The sum of the gauges that match.
 * @throws {Error} where none does: a gauge that is not there must not pass for one that is 0.
 */
export function gaugeOf(metrics: Metrics, pattern: RegExp): number {
  if (![...metrics.keys()].some((sample) => pattern.test(sample))) throw new Error(`no metric matches ${pattern}`);
  return sumOf(metrics, pattern);
}
