import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { ClientError } from "../client-error.js";
import type { AwsConnection } from "../kinesis/aws-stream-api.js";
import type { LeaseStore } from "../leases/lease-store.js";
import type { StartAt } from "../leases/plan-sync.js";
import type { ConsumerEvent } from "./consumer-event.js";
import { PAGE_BYTES_MAX } from "./poll-source.js";

export interface ConsumerOptions {
  readonly stream: string;
  /** Workers of one application share the stream's shards; two applications each see everything. */
  readonly application: string;
  /** Where Kinesis is; by default as any AWS client finds it. */
  readonly aws?: AwsConnection;
  /** Default: a DynamoDB table named for the application, at the same endpoint. Closed with the consumer. */
  readonly leases?: LeaseStore;
  /** An id that no other worker has, now or later. Default: host, process and a random part. */
  readonly worker?: string;
  /** Where the application begins that has no leases yet. Default TRIM_HORIZON: with everything there is. */
  readonly start?: StartAt;
  /**
   * `poll` (default): GetRecords, whose five calls a second all applications of a shard share. `fan-out`: records are pushed to a consumer
   * that is registered under the application's name, and costs extra at AWS.
   */
  readonly read?: "poll" | "fan-out";
  /** `automatic` (default): a record is done when the loop asks for the next. `manual`: when `checkpoint()` says so. */
  readonly checkpoints?: "automatic" | "manual";
  /** How long a worker may be silent before others take its shards. Default 10,000, 500 to an hour. The same for all workers. */
  readonly failoverTimeMs?: number;
  /** How often to look for shards that came or went unnoticed. Default 60,000, 100 to a day. */
  readonly shardSyncMs?: number;
  /** Default 1,000. */
  readonly batchRecordsMax?: number;
  /** Records in memory, read and not done. Default 64 MiB, at least 11: an answer of GetRecords may have ten. Fan-out may have one push a shard beyond it. */
  readonly bufferBytesMax?: number;
  /** Once aborted, loops end after the record they are at. `close` is still needed. */
  readonly signal?: AbortSignal;
  readonly report?: (event: ConsumerEvent) => void;
}

const HOUR_MS = 3_600_000;

export type CheckedOptions = Required<Omit<ConsumerOptions, "aws" | "leases" | "signal">>;

/** @throws {ClientError} `invalid-options`, with everything that is wrong. */
export function checkOptions(options: ConsumerOptions): CheckedOptions {
  const checked = {
    stream: options.stream,
    application: options.application,
    worker: options.worker ?? `${hostname()}:${process.pid}:${randomUUID()}`,
    start: options.start ?? { type: "TRIM_HORIZON" },
    read: options.read ?? "poll",
    checkpoints: options.checkpoints ?? "automatic",
    failoverTimeMs: options.failoverTimeMs ?? 10_000,
    shardSyncMs: options.shardSyncMs ?? 60_000,
    batchRecordsMax: options.batchRecordsMax ?? 1_000,
    bufferBytesMax: options.bufferBytesMax ?? 64 * 1024 * 1024,
    report: options.report ?? (() => undefined),
  } as const;
  const problems: string[] = [];
  const within = (
    name: "failoverTimeMs" | "shardSyncMs" | "batchRecordsMax" | "bufferBytesMax",
    min: number,
    max: number,
  ): void => {
    if (!(checked[name] >= min && checked[name] <= max)) {
      problems.push(`${name} is ${checked[name]}, and must be ${min} to ${max}`);
    }
  };
  const oneOf = (name: string, value: string, words: readonly string[]): void => {
    if (!words.includes(value)) problems.push(`${name} is ${JSON.stringify(value)}, and must be ${words.join(" or ")}`);
  };
  for (const name of ["stream", "application", "worker"] as const)
    if (typeof checked[name] !== "string" || checked[name] === "") problems.push(`${name} is missing`);
  oneOf("start.type", checked.start.type, ["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]);
  if (checked.start.type === "AT_TIMESTAMP" && !Number.isFinite(checked.start.timestampMs)) {
    problems.push(`start.timestampMs is ${checked.start.timestampMs}, and must be milliseconds since 1970`);
  }
  // A word that is misspelled would mean the other one.
  oneOf("read", checked.read, ["poll", "fan-out"]);
  oneOf("checkpoints", checked.checkpoints, ["automatic", "manual"]);
  within("failoverTimeMs", 500, HOUR_MS);
  within("shardSyncMs", 100, 24 * HOUR_MS);
  within("batchRecordsMax", 1, Number.MAX_SAFE_INTEGER);
  within("bufferBytesMax", PAGE_BYTES_MAX + 1024 * 1024, Number.MAX_SAFE_INTEGER);
  if (problems.length > 0) throw new ClientError("invalid-options", problems.join("; "));
  return checked;
}
