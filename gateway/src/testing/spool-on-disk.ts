import { type Disk, type Log, openLog } from "@headwater/log";
import { DEVICE_SHARD, DeviceRegistry } from "../devices/device-registry.js";
import { Ingest } from "../ingest/ingest.js";
import { GatewayMetrics } from "../metrics.js";
import { DEAD_LETTER_SHARD, DeadLetters } from "../spool/dead-letters.js";
import { recordOf } from "../spool/spool-frame.js";
import { Spool } from "../spool/spool.js";
import { UPLINK_SHARD } from "../uplink/uplink-journal.js";

export interface SpoolOnDisk {
  readonly log: Log;
  readonly spool: Spool;
  readonly ingest: Ingest;
  readonly deadLetters: DeadLetters;
  readonly devices: DeviceRegistry;
  readonly metrics: GatewayMetrics;
  /** What went wrong beside the appends. */
  readonly troubles: unknown[];
}

/** A clock that stands still. */
export const clock = { now: () => 1_700_000_000_000 };

/** The gateway's part between listener and uplink, on the real log. */
export async function openSpool(
  disk: Disk,
  { bytesMax = 1 << 30, waitMs = 5_000, deadLetterBytesMax = 1 << 20, streamsMax = 10 } = {},
): Promise<SpoolOnDisk> {
  const log = await openLog({ directory: "/log", disk, clock, journals: 1, journalBytesMax: 1 << 18 });
  await log.createShards([UPLINK_SHARD, DEAD_LETTER_SHARD, DEVICE_SHARD]);
  const troubles: unknown[] = [];
  const onTrouble = (error: unknown): void => void troubles.push(error);
  const metrics = new GatewayMetrics();
  const deadLetters = new DeadLetters(log, deadLetterBytesMax, metrics, onTrouble);
  const devices = await DeviceRegistry.open(log, 100, clock);
  const onStream = (): void => undefined;
  const spool = await Spool.open({ log, bytesMax, waitMs, streamsMax, metrics, onTrouble, onStream });
  const ingest = new Ingest({ spool, deadLetters, devices, metrics, clock });
  return { log, spool, ingest, deadLetters, devices, metrics, troubles };
}

/** Everything that a stream's spool holds, in order: the data as text and the sequence, if it came with one. */
export async function readStream(log: Log, stream: string): Promise<{ data: string; sequence: number | undefined }[]> {
  const frames = await readShard(log, `stream/${stream}`);
  return frames.map(({ data, origin }) => ({
    data: Buffer.from(recordOf(data).data).toString(),
    sequence: origin?.request,
  }));
}

/** The dead letters' headers, in order. */
export async function readDeadLetters(log: Log): Promise<Record<string, unknown>[]> {
  const frames = await readShard(log, DEAD_LETTER_SHARD);
  return frames.map(
    ({ data }) => JSON.parse(data.toString("utf8", 4, 4 + data.readUInt32LE(0))) as Record<string, unknown>,
  );
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
