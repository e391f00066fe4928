import type { Log } from "@headwater/log";
import type { GatewayMetrics } from "./metrics.js";

/** Shows what the log counts of itself. */
export function watchLog(log: Log, metrics: GatewayMetrics): void {
  metrics.gauge("log_disk_bytes", "Bytes that the log takes on disk", () => log.stats().diskBytes);
  metrics.gauge("log_pending_bytes", "Bytes that wait for a sync", () => log.stats().pendingBytes);
  metrics.gauge("log_syncs", "Syncs since the start", () => log.stats().syncs);
  metrics.gauge(
    "log_damage_found",
    "Places where acknowledged frames were found damaged",
    () => log.stats().damageFound,
  );
  metrics.gauge("log_torn_found", "Unacknowledged tails found at start", () => log.stats().tornFound);
  metrics.labelledGauge(
    "log_failed_appends",
    "Appends that failed since the start, by cause",
    "cause",
    () => log.stats().failedAppends,
  );
}
