import { performance } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "./prometheus.js";

const PREFIX = "headwater_gateway";

/** Everything that the gateway counts. What is refused, put aside or failed is counted by cause. */
export class GatewayMetrics {
  readonly registry = new Registry();

  readonly connectionsEnded = this.#counter(
    "connections_ended_total",
    "MQTT connections refused or ended, by cause",
    "cause",
  );
  readonly publishesRefused = this.#counter(
    "publishes_refused_total",
    "MQTT messages that were not acknowledged, by cause; each ended its connection, except malformed-status",
    "cause",
  );
  readonly subscriptionsRefused = this.#counter("subscriptions_refused_total", "Subscriptions refused");
  readonly recordsCommitted = this.#counter("records_committed_total", "Records written and synced to the spool");
  readonly bytesCommitted = this.#counter("bytes_committed_total", "Bytes of records synced to the spool");
  readonly recordsRepeated = this.#counter(
    "records_repeated_total",
    "Records that a device sent again after their commit; acknowledged, not stored twice",
  );
  readonly watermarksForgotten = this.#counter(
    "watermarks_forgotten_total",
    "Least recently used device spools whose repeats are no longer recognised",
  );
  readonly deadLetters = this.#counter(
    "dead_letters_total",
    "Messages put aside as undeliverable, by reason",
    "reason",
  );
  readonly deadLettersExpired = this.#counter(
    "dead_letters_expired_total",
    "Dead letters deleted to make room for newer ones",
  );
  readonly recordsForwarded = this.#counter("records_forwarded_total", "Records that the upstream has accepted");
  readonly recordsRejected = this.#counter(
    "records_rejected_total",
    "Records that the upstream rejected and that are sent again, by error code",
    "code",
  );
  readonly requestsFailed = this.#counter(
    "upstream_requests_failed_total",
    "Upstream calls without a usable answer, by cause",
    "cause",
  );
  readonly requests = this.#counter("upstream_requests_total", "PutRecords calls sent");
  readonly possibleDuplicates = this.#counter(
    "possible_duplicates_total",
    "Records sent again although an earlier try may have been accepted, by cause",
    "cause",
  );
  readonly damagedRecords = this.#counter(
    "damaged_records_total",
    "Records lost to damage of the disk before they were forwarded",
  );
  readonly videoPiecesCommitted = this.#counter(
    "video_pieces_committed_total",
    "Pieces of video written and synced to the spool",
  );
  readonly videoBytesCommitted = this.#counter("video_bytes_committed_total", "Bytes of pieces synced to the spool");
  readonly videoPiecesRepeated = this.#counter(
    "video_pieces_repeated_total",
    "Pieces that a device sent again after their commit; acknowledged, not stored twice",
  );
  readonly videoPiecesStray = this.#counter(
    "video_pieces_stray_total",
    "Pieces that belong to no fragment that is waiting: its beginning or a piece between is missing",
  );
  readonly videoFragmentsPersisted = this.#counter(
    "video_fragments_persisted_total",
    "Fragments that the upstream has persisted, by lane",
    "lane",
  );
  readonly videoFragmentsResent = this.#counter(
    "video_fragments_resent_total",
    "Fragments sent again from their start, by lane",
    "lane",
  );
  readonly videoFragmentsRefused = this.#counter(
    "video_fragments_refused_total",
    "Fragments put aside because the upstream will never take them, by error",
    "error",
  );
  readonly videoFramesCut = this.#counter(
    "video_frames_cut_total",
    "Frames left out because the end of them never came, or was damaged",
  );
  readonly videoSessions = this.#counter("video_sessions_total", "PutMedia calls begun, by lane", "lane");
  readonly videoSessionsFailed = this.#counter(
    "video_sessions_failed_total",
    "PutMedia calls that broke or were refused, by cause",
    "cause",
  );
  readonly commitSeconds = new Histogram({
    name: `${PREFIX}_commit_seconds`,
    help: "From a message's arrival to its sync",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers: [this.registry],
  });
  readonly putRecordsSeconds = new Histogram({
    name: `${PREFIX}_put_records_seconds`,
    help: "Duration of PutRecords calls",
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30],
    registers: [this.registry],
  });

  constructor() {
    // No histogram of delays: that takes a timer, which would wake a process that has nothing to do.
    this.gauge(
      "event_loop_busy_seconds",
      "Time since the start in which the event loop did something, so that whoever came had to wait",
      () => performance.eventLoopUtilization().active / 1000,
    );
  }

  /** A gauge that is read when the metrics are. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `${PREFIX}_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** A gauge of one sample for each entry of what is read when the metrics are. */
  labelledGauge(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const gauge: Gauge = new Gauge({
      name: `${PREFIX}_${name}`,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [value, amount] of Object.entries(read())) gauge.set({ [label]: value }, amount);
      },
    });
  }

  #counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name: `${PREFIX}_${name}`, help, labelNames, registers: [this.registry] });
  }
}
