import { Counter, Gauge, type Registry } from "../prometheus.js";
import type { MetricDatum } from "./metric-data-input.js";

/** Of up to 1,500 characters of labels each. */
const SERIES_MAX = 1000;
const LABELS = ["namespace", "metric", "operation", "unit"] as const;

interface Series {
  readonly labels: Readonly<Record<(typeof LABELS)[number], string>>;
  samples: number;
  sum: number;
}

/**
 * What clients published as CloudWatch metrics since the start, added up over all other dimensions: the library tells
 * of each shard and worker, of which there may be thousands.
 */
export class PublishedMetrics {
  readonly #series = new Map<string, Series>();
  readonly #dropped: Counter;

  constructor(registry: Registry) {
    const common = { labelNames: [...LABELS], registers: [registry] };
    const samples: Counter = new Counter({
      ...common,
      name: "headwater_cloud_published_metric_samples_total",
      help: "Samples that clients published with PutMetricData",
      collect: () => {
        samples.reset();
        for (const series of this.#series.values()) samples.inc(series.labels, series.samples);
      },
    });
    // No counter: what is published may be negative.
    const sum: Gauge = new Gauge({
      ...common,
      name: "headwater_cloud_published_metric_sum",
      help: "Sum of the samples that clients published with PutMetricData, in the unit they said",
      collect: () => {
        for (const series of this.#series.values()) sum.set(series.labels, series.sum);
      },
    });
    this.#dropped = new Counter({
      name: "headwater_cloud_published_metrics_dropped_total",
      help: "Data of PutMetricData that are shown nowhere, by cause",
      labelNames: ["cause"],
      registers: [registry],
    });
  }

  add(data: readonly MetricDatum[]): void {
    for (const { samples, sum, ...labels } of data) {
      const series = this.#seriesOf(labels);
      if (series === undefined) this.#dropped.inc({ cause: "too-many-series" });
      else {
        series.samples += samples;
        series.sum += sum;
      }
    }
  }

  #seriesOf(labels: Series["labels"]): Series | undefined {
    const key = LABELS.map((label) => labels[label]).join("\0");
    const known = this.#series.get(key);
    if (known !== undefined || this.#series.size >= SERIES_MAX) return known;
    const series = { labels, samples: 0, sum: 0 };
    this.#series.set(key, series);
    return series;
  }
}
