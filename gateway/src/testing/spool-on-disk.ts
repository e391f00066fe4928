import { setImmediate as nextTurn } from "node:timers/promises";
import { type Disk, type Log, openLog } from "@headwater/log";
import { pino } from "pino";
import { DEVICE_SHARD, DeviceRegistry } from "../devices/device-registry.js";
import { Ingest } from "../ingest/ingest.js";
import { GatewayMetrics } from "../metrics.js";
import { DEAD_LETTER_SHARD, DeadLetters } from "../spool/dead-letters.js";
import { recordOf } from "../spool/spool-frame.js";
import { Spool } from "../spool/spool.js";
import type { StreamSpool } from "../spool/stream-spool.js";
import { Uplink } from "../uplink/uplink.js";
import { UPLINK_SHARD, UplinkJournal } from "../uplink/uplink-journal.js";
import type { Upstream } from "../uplink/upstream.js";
import { UpstreamStatus } from "../uplink/upstream-status.js";
import { VideoIngest } from "../video/video-ingest.js";
import { VideoUplink } from "../video/video-uplink.js";
import type { VideoUpstream } from "../video/video-upstream.js";

export interface SpoolOnDisk {
  readonly log: Log;
  readonly spool: Spool;
  readonly videoSpool: Spool;
  readonly ingest: Ingest;
  readonly deadLetters: DeadLetters;
  readonly devices: DeviceRegistry;
  readonly metrics: GatewayMetrics;
  readonly journal: UplinkJournal;
  readonly status: UpstreamStatus;
  /** Ends the forwarding. */
  stop(): Promise<void>;
  /** What went wrong beside the appends. */
  readonly troubles: unknown[];
}

/** A clock that stands still. */
export const clock = { now: () => 1_700_000_000_000 };

export interface SpoolOnDiskOptions {
  readonly bytesMax?: number;
  readonly waitMs?: number;
  readonly deadLetterBytesMax?: number;
  readonly streamsMax?: number;
  /** Where records are forwarded to; absent: nowhere. */
  readonly upstream?: Upstream;
  /** Where video is forwarded to; absent: nowhere. */
  readonly videoUpstream?: VideoUpstream;
  readonly createStreams?: boolean;
  /** Of the log and the video's forwarding; one that stands still unless given. */
  readonly clock?: { now(): number };
  /** Of the forwarding; a turn of the event loop, whatever the time, unless given. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The gateway without listener, control channel and AWS client, on the real log. */
export async function openSpool(
  disk: Disk,
  {
    bytesMax = 1 << 30,
    waitMs = 5_000,
    deadLetterBytesMax = 1 << 20,
    streamsMax = 10,
    ...given
  }: SpoolOnDiskOptions = {},
): Promise<SpoolOnDisk> {
  const log = await openLog({
    directory: "/log",
    disk,
    clock: given.clock ?? clock,
    journals: 1,
    journalBytesMax: 1 << 18,
  });
  await log.createShards([UPLINK_SHARD, DEAD_LETTER_SHARD, DEVICE_SHARD]);
  const troubles: unknown[] = [];
  const onTrouble = (error: unknown): void => void troubles.push(error);
  const metrics = new GatewayMetrics();
  const deadLetters = new DeadLetters(log, deadLetterBytesMax, metrics, onTrouble);
  const devices = await DeviceRegistry.open(log, 100, clock);
  const journal = await UplinkJournal.open(log, onTrouble);
  const status = new UpstreamStatus(() => undefined);
  const { upstream, videoUpstream, createStreams = false } = given;
  const world = {
    logger: pino({ level: "silent" }),
    random: () => 0.5,
    sleep: given.sleep ?? (async (_: number, signal: AbortSignal) => await nextTurn(undefined, { signal })),
  };
  const uplink =
    upstream &&
    new Uplink({
      log,
      journal,
      upstream,
      deadLetters,
      producer: "gateway",
      createStreams,
      status,
      metrics,
      ...world,
    });
  const onStream = (name: string, stream: StreamSpool): void => {
    uplink?.start(name, stream);
  };
  const limits = { log, bytesMax, waitMs, streamsMax, metrics, onTrouble };
  const onCommitted = ({ records, bytes }: { records: number; bytes: number }): void => {
    metrics.recordsCommitted.inc(records);
    metrics.bytesCommitted.inc(bytes);
  };
  const videoUplink =
    videoUpstream &&
    new VideoUplink({
      log,
      upstream: videoUpstream,
      deadLetters,
      status,
      metrics,
      clock: given.clock ?? clock,
      ...world,
    });
  const stop = async (): Promise<void> => {
    await uplink?.stop();
    await videoUplink?.stop();
  };
  try {
    const spool = await Spool.open({ ...limits, prefix: "stream/", onCommitted, onStream });
    const videoSpool = await Spool.open({
      ...limits,
      prefix: "video/",
      onCommitted: ({ records }) => metrics.videoPiecesCommitted.inc(records),
      onStream: (name, stream) => videoUplink?.start(name, stream),
    });
    const video = new VideoIngest({ spool: videoSpool, deadLetters, devices, metrics });
    const ingest = new Ingest({ spool, video, deadLetters, devices, metrics, clock });
    return { log, spool, videoSpool, ingest, deadLetters, devices, metrics, journal, status, stop, troubles };
  } catch (error) {
    // What the first spool has begun to forward must not go on beside the next gateway.
    await stop();
    throw error;
  }
}

/** Everything that a stream's spool holds, in order: the data as text and the sequence, if it came with one. */
export async function readStream(log: Log, stream: string): Promise<{ data: string; sequence: number | undefined }[]> {
  const frames = await readShard(log, `stream/${stream}`);
  return frames.map(({ data, origin }) => ({
    data: Buffer.from(recordOf(data).data).toString(),
    sequence: origin?.request,
  }));
}

/** The dead letters' headers, in order, and their payloads as text. */
export async function readDeadLetters(log: Log): Promise<Record<string, unknown>[]> {
  const frames = await readShard(log, DEAD_LETTER_SHARD);
  return frames.map(({ data }) => {
    const end = 4 + data.readUInt32LE(0);
    const header = JSON.parse(data.toString("utf8", 4, end)) as Record<string, unknown>;
    return { ...header, payload: data.toString("utf8", end) };
  });
}

async function readShard(log: Log, shard: string) {
  const all = [];
  const end = log.bounds(shard).next;
  for (let position = log.bounds(shard).first; position < end;) {
    const { frames, next } = await log.read(shard, position, { frames: 1000, bytes: 1 << 20 });
    all.push(...frames);
    position = next;
  }
  return all;
}

/** The value of a counter or gauge, all labels together. */
export async function valueOf(metrics: GatewayMetrics, name: string): Promise<number> {
  const metric = await metrics.registry.getSingleMetric(`headwater_gateway_${name}`)?.get();
  return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0);
}
