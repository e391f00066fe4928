import { Gauge, type Registry } from "../prometheus.js";
import type { ConsumerLag } from "./consumer-lag.js";

/** Beyond, those that are least behind are not shown: a client may make lease tables for streams without end. */
const SERIES_MAX = 1000;

/** Shows how far applications are behind, worked out when somebody asks. */
export function showConsumerLag(registry: Registry, lags: () => Promise<readonly ConsumerLag[]>): void {
  let asking: Promise<readonly ConsumerLag[]> | undefined;
  /** Once for both metrics of a scrape. */
  const ask = (): Promise<readonly ConsumerLag[]> => {
    asking ??= lags().finally(() => (asking = undefined));
    return asking;
  };
  for (const [name, help, value] of [
    [
      "records",
      "Records that an application's checkpoints are behind a stream's end",
      ({ records }: ConsumerLag) => records,
    ],
    [
      "milliseconds",
      "Age of the oldest record that an application has to process",
      ({ milliseconds }: ConsumerLag) => milliseconds,
    ],
  ] as const) {
    const gauge: Gauge<"application" | "stream"> = new Gauge({
      name: `headwater_cloud_consumer_lag_${name}`,
      help,
      labelNames: ["application", "stream"],
      registers: [registry],
      collect: async () => {
        const shown = (await ask()).toSorted((a, b) => b.records - a.records).slice(0, SERIES_MAX);
        gauge.reset();
        for (const lag of shown) gauge.set({ application: lag.application, stream: lag.stream }, value(lag));
      },
    });
  }
}
