import { Counter, Gauge, type Registry } from "../../prometheus.js";
import type { FanOut } from "./fan-out.js";
import type { EndCause } from "./subscription-end.js";

/** What enhanced fan-out counts. */
export class FanOutMetrics {
  readonly #registry: Registry;
  readonly #events: Counter;
  readonly #records: Counter;
  readonly #bytes: Counter;
  readonly #ended: Counter<"cause">;

  constructor(registry: Registry) {
    this.#registry = registry;
    const registers = [registry];
    this.#events = new Counter({
      name: "headwater_cloud_fan_out_events_total",
      help: "Events pushed to subscribers, empty ones too",
      registers,
    });
    this.#records = new Counter({
      name: "headwater_cloud_fan_out_records_total",
      help: "Records pushed to subscribers, each time one is",
      registers,
    });
    this.#bytes = new Counter({
      name: "headwater_cloud_fan_out_record_bytes_total",
      help: "Bytes of the records pushed to subscribers",
      registers,
    });
    this.#ended = new Counter({
      name: "headwater_cloud_fan_out_subscriptions_ended_total",
      help: "Subscriptions that are over, by cause",
      labelNames: ["cause"],
      registers,
    });
  }

  pushed(records: number, bytes: number): void {
    this.#events.inc();
    this.#records.inc(records);
    this.#bytes.inc(bytes);
  }

  ended(cause: EndCause): void {
    this.#ended.inc({ cause });
  }

  /** Shows the subscriptions that are open. */
  watch(fanOut: Pick<FanOut, "open">): void {
    const gauge: Gauge = new Gauge({
      name: "headwater_cloud_fan_out_subscriptions",
      help: "Subscriptions open now",
      registers: [this.#registry],
      collect: () => gauge.set(fanOut.open),
    });
  }
}
