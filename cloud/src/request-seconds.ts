import type { Metric } from "prom-client";
import type { Registry } from "./prometheus.js";

const NAME = "headwater_cloud_request_seconds";
const HELP = "Time from a request's headers to its answer, body included";
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long the requests of one operation took. */
export class Durations {
  /** How many took no longer than each bound and longer than the one before; at the end those longer than all. */
  readonly counts = [...BOUNDS_S.map(() => 0), 0];
  sum = 0;

  observe(seconds: number): void {
    let at = 0;
    while (at < BOUNDS_S.length && seconds > BOUNDS_S[at]!) at += 1;
    this.counts[at]! += 1;
    this.sum += seconds;
  }
}

/**
 * A histogram by operation, shown as Prometheus' library shows one. Its own checks the labels and looks them up with each request, which
 * takes longer than all else that is counted of it.
 */
export class RequestSeconds {
  readonly #operations = new Map<string, Durations>();

  constructor(registry: Registry) {
    const get = async (): Promise<object> => ({ name: NAME, help: HELP, type: "histogram", values: this.#values() });
    registry.registerMetric({ name: NAME, get } as unknown as Metric);
  }

  of(operation: string): Durations {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const durations = new Durations();
    this.#operations.set(operation, durations);
    return durations;
  }

  #values(): object[] {
    return Array.from(this.#operations, ([operation, { counts, sum }]) => {
      let count = 0;
      const buckets = [...BOUNDS_S, "+Inf"].map((le, i) => {
        count += counts[i]!;
        return { metricName: `${NAME}_bucket`, labels: { le, operation }, value: count };
      });
      const ofAll = { labels: { operation } };
      return [
        ...buckets,
        { metricName: `${NAME}_sum`, ...ofAll, value: sum },
        { metricName: `${NAME}_count`, ...ofAll, value: count },
      ];
    }).flat();
  }
}
