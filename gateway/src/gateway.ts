import { statfs } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { type Clock, type Disk, lockDirectory, type Log, openLog } from "@headwater/log";
import type { GatewayStatus } from "@headwater/protocol";
import type { Logger } from "pino";
import { Authenticator } from "./auth/authenticator.js";
import { ControlChannel } from "./control/control-channel.js";
import { DEVICE_SHARD, DeviceRegistry } from "./devices/device-registry.js";
import { Ingest } from "./ingest/ingest.js";
import { anonymousSession, authenticatedSession } from "./listener/identify.js";
import { MqttListener } from "./listener/mqtt-listener.js";
import { watchLog } from "./log-metrics.js";
import { GatewayMetrics } from "./metrics.js";
import type { Settings } from "./settings.js";
import { DEAD_LETTER_SHARD, DeadLetters } from "./spool/dead-letters.js";
import { Spool } from "./spool/spool.js";
import type { StreamSpool } from "./spool/stream-spool.js";
import { AwsUpstream } from "./uplink/aws-upstream.js";
import { CallSlots } from "./uplink/call-slots.js";
import { Uplink } from "./uplink/uplink.js";
import { UPLINK_SHARD, UplinkJournal } from "./uplink/uplink-journal.js";
import { UpstreamStatus } from "./uplink/upstream-status.js";
import { openVideo } from "./video/open-video.js";

/** What the gateway needs of the machine. */
export interface World {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface Gateway {
  readonly addresses: { readonly mqtt: string };
  health(): { readonly ok: boolean; readonly [detail: string]: unknown };
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

const MiB = 1024 * 1024;
const INGEST_BYTES_MAX = 64 * MiB;
/** Left for announcing requests, without which a full spool could not be emptied. */
const DISK_FREE_BYTES_MIN = 64 * MiB;
const SPOOL_WAIT_MS = 5_000;
const STREAMS_MAX = 1000;
const DEVICES_MAX = 10_000;
const UPSTREAM_CALLS_MAX = 16;
const UPSTREAM_TIMEOUT_MS = 30_000;
const SWEEP_EVERY_MS = 1_000;
const DEVICES_SAVED_EVERY_MS = 10_000;

/** Starts the gateway. @throws a LogError or the listener's error; nothing is left running or locked then. */
export async function startGateway(settings: Settings, world: World): Promise<Gateway> {
  /** Run in the reverse order of their making. */
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    return await start(settings, world, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  settings: Settings,
  { disk, clock, logger, random }: World,
  closers: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<Gateway> {
  const metrics = new GatewayMetrics();
  const onTrouble = (error: unknown): void => logger.error({ err: error }, "the disk fails");

  const log = await openDataDirectory(settings.data, { disk, clock, logger }, closers);
  watchLog(log, metrics);
  await log.createShards([UPLINK_SHARD, DEAD_LETTER_SHARD, DEVICE_SHARD]);
  const deadLetters = new DeadLetters(log, settings.deadLetterBytesMax, metrics, onTrouble);
  const devices = await DeviceRegistry.open(log, DEVICES_MAX, clock);
  closers.push(() => devices.save().catch(onTrouble));
  const journal = await UplinkJournal.open(log, onTrouble);
  closers.push(() => journal.snapshot().catch(onTrouble));
  const gatewayId = settings.id ?? journal.state.gatewayId;

  // Credentials that appear after the start, such as a cloud's that starts later, are found too.
  const credentials = defaultProvider({ ignoreCache: true });
  const status = new UpstreamStatus((stream, now) => logger.info({ stream, ...now }, "upstream"));
  const upstream = new AwsUpstream({
    endpoint: settings.upstream,
    region: settings.region,
    credentials,
    slots: new CallSlots(UPSTREAM_CALLS_MAX),
    requestTimeoutMs: UPSTREAM_TIMEOUT_MS,
  });
  closers.push(() => upstream.close());
  const { createStreams } = settings;
  const common = { log, journal, upstream, deadLetters, status, metrics, logger, random, sleep };
  const uplink = new Uplink({ ...common, producer: gatewayId, createStreams });

  const spool = await Spool.open({
    log,
    prefix: "stream/",
    bytesMax: settings.spoolBytesMax,
    waitMs: SPOOL_WAIT_MS,
    streamsMax: STREAMS_MAX,
    metrics,
    onCommitted: ({ records, bytes }) => {
      metrics.recordsCommitted.inc(records);
      metrics.bytesCommitted.inc(bytes);
    },
    onTrouble,
    onStream: (name: string, stream: StreamSpool) => uplink.start(name, stream),
  });
  closers.push(() => spool.sweep().catch(onTrouble));
  closers.push(() => uplink.stop());

  const video = await openVideo({
    log,
    bytesMax: settings.videoSpoolBytesMax,
    waitMs: SPOOL_WAIT_MS,
    endpoint: settings.videoUpstream ?? settings.upstream,
    region: settings.region,
    credentials,
    createStreams,
    deadLetters,
    devices,
    status,
    metrics,
    logger,
    clock,
    random,
    sleep,
    onTrouble,
  });
  closers.push(() => video.close());
  const sweep = async (): Promise<void> => {
    const { bavail, blocks, bsize } = await statfs(settings.data);
    const freeBytesMin = settings.diskFreeBytesMin ?? Math.min(DISK_FREE_BYTES_MIN, (blocks * bsize) / 16);
    for (const one of [spool, video.spool]) one.room.setDiskLow(bavail * bsize < freeBytesMin);
    await Promise.all([spool.sweep(), video.spool.sweep()]);
  };
  every(SWEEP_EVERY_MS, sweep, onTrouble, closers);
  every(DEVICES_SAVED_EVERY_MS, () => devices.save(), onTrouble, closers);

  const gatewayStatus = (): GatewayStatus => ({
    spoolRecords: spool.records,
    spoolBytes: spool.bytes,
    spoolBytesMax: spool.bytesMax,
    ...status.overall,
    forwardedRecords: status.forwardedRecords,
    deadLetters: deadLetters.added,
  });
  const control = settings.controlOff
    ? undefined
    : new ControlChannel({
        url: settings.control ?? settings.upstream,
        gateway: gatewayId,
        spoolId: journal.state.spoolId,
        credentials,
        region: settings.region,
        status: gatewayStatus,
        devices: () => devices.list(DEVICES_MAX),
        logger,
        random,
        sleep,
      });
  closers.push(() => control?.close());

  const ingest = new Ingest({ spool, video: video.ingest, deadLetters, devices, metrics, clock });
  const authenticator = new Authenticator(settings.users);
  const listener = await MqttListener.start({
    host: settings.mqttHost,
    port: settings.mqttPort,
    connectionsMax: settings.mqttConnectionsMax,
    frameBytesMax: settings.mqttFrameBytesMax,
    ingestBytesMax: INGEST_BYTES_MAX,
    identify: (claim) =>
      settings.allowAnonymous ? anonymousSession(claim) : authenticatedSession(claim, authenticator),
    onPublish: (session, topic, payload) => ingest.publish(session, topic, payload),
    onConnect: (session) => devices.connected(session),
    onDisconnect: (session) => devices.disconnected(session),
    logger,
    metrics,
  });
  closers.push(() => listener.close());
  // What waits for room would hold the listener's end up.
  closers.push(() => spool.room.close());
  closers.push(() => video.spool.room.close());

  metrics.gauge("connections", "MQTT connections", () => listener.connections);
  metrics.gauge("ingest_bytes", "Bytes of messages being received or committed", () => listener.ingestBytes);
  metrics.gauge("spool_bytes_max", "Bytes that the spool may hold", () => spool.bytesMax);
  metrics.gauge("spool_full", "1 while messages wait for room in the spool", () => (spool.room.isFull ? 1 : 0));
  metrics.gauge("control_connected", "1 while the control channel is open", () => (control?.isConnected ? 1 : 0));
  metrics.gauge("devices", "Devices heard of", () => devices.size);
  const byStream = (read: (stream: StreamSpool) => number) => () =>
    Object.fromEntries([...spool.streams].map(([name, stream]) => [name, read(stream)]));
  metrics.labelledGauge(
    "spool_records",
    "Records that wait for the upstream",
    "stream",
    byStream(({ records }) => records),
  );
  metrics.labelledGauge(
    "spool_bytes",
    "Bytes of records kept in the spool",
    "stream",
    byStream(({ bytes }) => bytes),
  );
  const states = ["idle", "connected", "unreachable", "rejecting"] as const;
  metrics.labelledGauge("upstream_state", "1 for the state that the upstream is in", "state", () =>
    Object.fromEntries(states.map((state) => [state, state === status.overall.upstream ? 1 : 0])),
  );

  const host = isIPv6(settings.mqttHost) ? `[${settings.mqttHost}]` : settings.mqttHost;
  return {
    addresses: { mqtt: `mqtt://${host}:${listener.port}` },
    health: () => {
      const spoolFull = spool.room.isFull || video.spool.room.isFull;
      const { diskFailure } = log.stats();
      const disk = diskFailure?.code ?? "ok";
      const diskError = diskFailure && { diskError: diskFailure.message };
      return { ok: !spoolFull && disk === "ok", gateway: gatewayId, spoolFull, disk, ...diskError, ...gatewayStatus() };
    },
    metrics: () => metrics.registry.metrics(),
    stop,
  };
}

/** Locks the data directory and opens the log in it. */
async function openDataDirectory(
  directory: string,
  { disk, clock, logger }: Omit<World, "random">,
  closers: (() => Promise<void> | void)[],
): Promise<Log> {
  await disk.makeDirectory(directory);
  const lock = await lockDirectory(directory);
  closers.push(() => lock.release());
  const log = await openLog({
    directory: join(directory, "log"),
    disk,
    clock,
    report: (event) => {
      const { level, message, ...details } = event;
      logger[level](details, message);
    },
  });
  closers.push(() => log.close());
  return log;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal });
}

/** Runs a task again and again, a while after its last end, until closed. */
function every(
  ms: number,
  task: () => Promise<void>,
  onTrouble: (error: unknown) => void,
  closers: (() => Promise<void> | void)[],
): void {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= task()
      .catch(onTrouble)
      .finally(() => {
        running = undefined;
      });
  }, ms);
  closers.push(async () => {
    clearInterval(timer);
    await running;
  });
}
