import { Counter, Gauge, type Registry } from "../prometheus.js";

/** What the console counts. */
export class ConsoleMetrics {
  readonly refused: Counter<"cause">;
  readonly readFailures: Counter;
  readonly droppedRecords: Counter;
  readonly stalledClients: Counter;

  constructor(registry: Registry, clients: () => number) {
    const registers = [registry];
    this.refused = new Counter({
      name: "headwater_console_refused_total",
      help: "Console requests refused, by cause.",
      labelNames: ["cause"],
      registers,
    });
    this.readFailures = new Counter({
      name: "headwater_console_read_failures_total",
      help: "Reads for live pages that failed.",
      registers,
    });
    this.droppedRecords = new Counter({
      name: "headwater_console_dropped_records_total",
      help: "Records that pages which read too slowly were not shown.",
      registers,
    });
    this.stalledClients = new Counter({
      name: "headwater_console_stalled_clients_total",
      help: "Live pages that were cut off because they took nothing for 30 s.",
      registers,
    });
    const gauge: Gauge = new Gauge({
      name: "headwater_console_clients",
      help: "Live pages that look on now.",
      registers,
      collect: () => gauge.set(clients()),
    });
  }
}
