import { performance } from "node:perf_hooks";
import type { Log } from "@headwater/log";
import { Counter, Gauge, Histogram, Registry } from "./prometheus.js";
import type { ErrorCode } from "./cloud-error.js";
import type { BodyBudget } from "./http/body-budget.js";
import type { Listener, RefusalCause } from "./http/listener.js";
import type { LeaseErrorCode } from "./leases/lease-error.js";
import type { Traffic } from "./operations/index.js";
import { FanOutMetrics } from "./streams/fan-out/fan-out-metrics.js";
import type { VideoErrorCode } from "./video/video-error.js";

const LATENCY_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the cloud counts, by Prometheus' rules. A registry of its own, so that two clouds in a process don't mix. */
export class CloudMetrics {
  readonly registry = new Registry();
  /** By operation: how many by result, and how long they took. */
  readonly #requests = new Map<
    string,
    { readonly counts: Map<string, number>; readonly seconds: ReturnType<Histogram<"operation">["labels"]> }
  >();
  readonly #seconds = new Histogram({
    name: "headwater_cloud_request_seconds",
    help: "Time from a request's headers to its answer, body included",
    labelNames: ["operation"],
    buckets: LATENCY_BUCKETS_S,
    registers: [this.registry],
  });
  readonly #signatureFailures = this.#counter(
    "signature_failures_total",
    "Requests refused for their signature, by cause",
    ["cause"],
  );
  #plainCalls = 0;
  readonly #records = { in: 0, out: 0 };
  readonly #bytes = { in: 0, out: 0 };
  readonly #refused = this.#counter("put_entries_refused_total", "Entries of PutRecords calls not stored, by cause", [
    "cause",
  ]);

  readonly #connectionsRefused = this.#counter(
    "connections_refused_total",
    "Connections cut or refused before there was a request to answer, by cause",
    ["cause"],
  );

  readonly fanOut = new FanOutMetrics(this.registry);
  /** For operations to count what flows. */
  readonly traffic: Traffic = {
    put: (records, bytes) => {
      this.#records.in += records;
      this.#bytes.in += bytes;
    },
    got: (records, bytes) => {
      this.#records.out += records;
      this.#bytes.out += bytes;
    },
    pushed: (records, bytes) => {
      this.traffic.got(records, bytes);
      this.fanOut.pushed(records, bytes);
    },
    refused: (cause) => this.#refused.inc({ cause }),
  };

  constructor({ log, budget }: { readonly log: Log; readonly budget: BodyBudget }) {
    this.#tallied(
      "requests_total",
      "Requests by operation and result: ok, or why not",
      ["operation", "result"],
      (count) => {
        for (const [operation, { counts }] of this.#requests)
          for (const [result, value] of counts) count({ operation, result }, value);
      },
    );
    this.#tallied("plain_calls_total", "Calls read and answered on the short way, without Node's HTTP", [], (count) =>
      count({}, this.#plainCalls),
    );
    for (const [name, help, flow] of [
      ["records_total", "Records stored (in) and read (out)", this.#records],
      ["record_bytes_total", "Bytes of records stored (in) and read (out)", this.#bytes],
    ] as const) {
      this.#tallied(name, help, ["direction"], (count) => {
        for (const direction of ["in", "out"] as const) if (flow[direction] > 0) count({ direction }, flow[direction]);
      });
    }
    this.#gauge("log_disk_bytes", "Bytes of the log on disk", () => log.stats().diskBytes);
    this.#gauge("log_pending_bytes", "Bytes that wait for a sync", () => log.stats().pendingBytes);
    this.#gauge("log_appended_frames", "Frames appended since the start", () => log.stats().appendedFrames);
    this.#gauge("log_appended_bytes", "Bytes appended since the start", () => log.stats().appendedBytes);
    this.#gauge("log_syncs", "Syncs since the start", () => log.stats().syncs);
    this.#gauge("log_damage_found", "Damaged places found since the start", () => log.stats().damageFound);
    this.#gauge("log_torn_found", "Torn tails found since the start", () => log.stats().tornFound);
    this.#gauge("request_body_bytes", "Bytes of request bodies in memory", () => budget.used);
    // No histogram of delays: that takes a timer, which would wake a process that has nothing to do.
    this.#gauge(
      "event_loop_busy_seconds",
      "Time since the start in which the event loop did something, so that whoever came had to wait",
      () => performance.eventLoopUtilization().active / 1000,
    );
    this.#gauge("requests_waiting", "Requests that wait for memory for their bodies", () => budget.waiting);
    const failed = new Gauge({
      name: "headwater_cloud_log_failed_appends",
      help: "Appends that failed since the start, by cause",
      labelNames: ["cause"],
      registers: [this.registry],
      collect: () => {
        for (const [cause, count] of Object.entries(log.stats().failedAppends)) failed.set({ cause }, count);
      },
    });
  }

  /** @param operation an operation's name, or `unknown`. */
  answered(operation: string, error: ErrorCode | VideoErrorCode | LeaseErrorCode | undefined, elapsedMs: number): void {
    const result = error ?? "ok";
    let requests = this.#requests.get(operation);
    if (requests === undefined) {
      requests = { counts: new Map(), seconds: this.#seconds.labels(operation) };
      this.#requests.set(operation, requests);
    }
    requests.counts.set(result, (requests.counts.get(result) ?? 0) + 1);
    requests.seconds.observe(elapsedMs / 1000);
  }

  /** Counts a call of the short way, which is counted as a request, too. */
  plainCalled(): void {
    this.#plainCalls += 1;
  }

  signatureFailed(cause: string): void {
    this.#signatureFailures.inc({ cause });
  }

  /** Shows the listener's connections. */
  watch(listener: Pick<Listener, "connections">): void {
    this.#gauge("connections", "Connections open now", () => listener.connections);
  }

  connectionRefused(cause: RefusalCause): void {
    this.#connectionsRefused.inc({ cause });
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `headwater_cloud_${name}`, help, labelNames, registers: [this.registry] });
  }

  /** A counter of what is counted in plain numbers, since every request does; made when somebody asks. */
  #tallied<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    tell: (count: (labels: Record<L, string>, value: number) => void) => void,
  ): void {
    const counter: Counter<L> = new Counter({
      name: `headwater_cloud_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        counter.reset();
        tell((labels, value) => counter.inc(labels, value));
      },
    });
  }

  #gauge(name: string, help: string, value: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `headwater_cloud_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(value()),
    });
  }
}
