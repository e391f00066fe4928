import { Counter, Gauge, Registry } from "./prometheus.js";
import type { Device } from "../sdk/device.js";
import type { HostSensor } from "../sensor/host-sensor.js";

/** A metric as Prometheus has it; `read` answers its values by label. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly label?: "cause";
  readonly read: () => number | Readonly<Record<string, number>>;
}

/** The agent's metrics, read from device and sensor at each scrape. */
export function deviceMetrics(device: Device, sensor: HostSensor): Registry {
  const registry = new Registry();
  for (const metric of metrics(device, sensor)) register(registry, metric);
  return registry;
}

function metrics(device: Device, sensor: HostSensor): Metric[] {
  const status = (): ReturnType<Device["status"]> => device.status();
  return [
    { name: "spool_records", help: "Records not acknowledged by the gateway", read: () => status().records },
    { name: "spool_bytes", help: "Bytes of these records on the disk", read: () => status().bytes },
    { name: "spool_bytes_max", help: "Bound of spool_bytes", read: () => status().bytesMax },
    { name: "spool_oldest_seconds", help: "Age of the oldest of them", read: () => status().oldestMs / 1000 },
    { name: "put_records_total", help: "Records stored", read: () => status().putRecords },
    { name: "put_bytes_total", help: "Data stored, in bytes", read: () => status().putBytes },
    { name: "refused_records_total", help: "Puts that failed", label: "cause", read: () => status().refused },
    { name: "dropped_records_total", help: "Records given up", label: "cause", read: () => status().dropped },
    { name: "damage_found_total", help: "Damaged places found on the disk", read: () => status().damageFound },
    { name: "sent_records_total", help: "Records sent, repeats included", read: () => status().sentRecords },
    { name: "acknowledged_records_total", help: "Acknowledged records", read: () => status().acknowledgedRecords },
    { name: "in_flight_bytes", help: "Bytes sent and not acknowledged", read: () => status().inFlightBytes },
    { name: "window_bytes", help: "Present bound of in_flight_bytes", read: () => status().windowBytes },
    { name: "connected", help: "1 while connected to the gateway", read: () => Number(status().connected) },
    { name: "connections_total", help: "Connections made", read: () => status().connections },
    {
      name: "connection_faults_total",
      help: "Connections lost or not made",
      label: "cause",
      read: () => status().faults,
    },
    {
      name: "clock_synchronised",
      help: "1 while capture times count as exact",
      read: () => Number(status().clockSynchronised),
    },
    {
      name: "sensor_skipped_total",
      help: "Readings of the host that became no record",
      label: "cause",
      read: () => sensor.skipped,
    },
  ];
}

function register(registry: Registry, { name, help, label, read }: Metric): void {
  const set = (put: (labels: { cause?: string }, value: number) => void): void => {
    const value = read();
    if (typeof value === "number") put({}, value);
    else for (const [cause, count] of Object.entries(value)) put({ cause }, count);
  };
  const about = {
    name: `headwater_device_${name}`,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [],
  };
  const metric = name.endsWith("_total")
    ? new Counter({
        ...about,
        collect() {
          this.reset();
          set((labels, value) => this.inc(labels, value));
        },
      })
    : new Gauge({
        ...about,
        collect() {
          set((labels, value) => this.set(labels, value));
        },
      });
  registry.registerMetric(metric);
}
