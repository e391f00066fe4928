import type { StreamMode } from "../streams/stream.js";

/** What AWS charges streams by. Times in milliseconds, so that parts of hours add up. */
export interface Usage {
  /** Of the stream itself. */
  readonly streamMs: number;
  /** Of its open shards. */
  readonly shardMs: number;
  /** Of its open shards while they kept records for more than 24 hours. */
  readonly extendedShardMs: number;
  /** Of its open shards, for each consumer registered. */
  readonly consumerShardMs: number;
  readonly records: number;
  /** Bytes of data and partition keys stored. */
  readonly bytesIn: number;
  /** The same, each record rounded up to whole KiB: what on-demand streams are charged by. */
  readonly roundedBytesIn: number;
  /** 25 KiB or a part of it, for each record. */
  readonly payloadUnits: number;
  /** Bytes of data read by GetRecords. */
  readonly bytesOut: number;
  /** The same, of records that came more than 7 days before they were read. */
  readonly longTermBytesOut: number;
  /** Bytes of data pushed by SubscribeToShard. */
  readonly fanOutBytes: number;
  /** Bytes in, for each hour that they were kept after their first 24, up to the end of their 7th day. */
  readonly extendedByteHours: number;
  /** The same, after their 7th day. */
  readonly longTermByteHours: number;
}

/** What a stream used while it was in one mode. */
export interface StreamUsage extends Usage {
  readonly streamName: string;
  readonly mode: StreamMode;
}

const noUsage: Usage = {
  streamMs: 0,
  shardMs: 0,
  extendedShardMs: 0,
  consumerShardMs: 0,
  records: 0,
  bytesIn: 0,
  roundedBytesIn: 0,
  payloadUnits: 0,
  bytesOut: 0,
  longTermBytesOut: 0,
  fanOutBytes: 0,
  extendedByteHours: 0,
  longTermByteHours: 0,
};

export const usageMembers = Object.keys(noUsage) as readonly (keyof Usage)[];

export function sumOfUsage(a: Usage, b: Usage): Usage {
  return Object.fromEntries(usageMembers.map((name) => [name, a[name] + b[name]])) as unknown as Usage;
}

export const HOUR_MS = 3_600_000;

export function hourOf(timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS) * HOUR_MS;
}
