import { Counter, Gauge, type Registry } from "../prometheus.js";

/** What the control channel counts. */
export class ControlMetrics {
  readonly connections: Counter;
  readonly refusedUpgrades: Counter<"cause">;
  readonly closed: Counter<"cause">;

  constructor(registry: Registry, connectedGateways: () => number) {
    const registers = [registry];
    this.connections = new Counter({
      name: "headwater_control_connections_total",
      help: "Control connections accepted.",
      registers,
    });
    this.refusedUpgrades = new Counter({
      name: "headwater_control_refused_upgrades_total",
      help: "Upgrade requests refused, by cause.",
      labelNames: ["cause"],
      registers,
    });
    this.closed = new Counter({
      name: "headwater_control_closed_total",
      help: "Control connections that ended, by cause.",
      labelNames: ["cause"],
      registers,
    });
    const gauge: Gauge = new Gauge({
      name: "headwater_control_gateways_connected",
      help: "Gateways connected now.",
      registers,
      collect: () => gauge.set(connectedGateways()),
    });
  }
}
