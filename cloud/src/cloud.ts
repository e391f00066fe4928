import { join } from "node:path";
import type { Clock } from "@headwater/log";
import type { Logger } from "pino";
import { Closers } from "./closers.js";
import { startConsole } from "./console/start-console.js";
import { startControl } from "./control/start-control.js";
import { type Credentials, loadOrMakeCredentials } from "./credentials.js";
import { AwsFront } from "./http/aws-front.js";
import { BodyBudget } from "./http/body-budget.js";
import { Listener } from "./http/listener.js";
import { type RouterOptions, routeCall, routeRequest, routeUpgrade } from "./http/request-router.js";
import { consumerLag } from "./leases/consumer-lag.js";
import { showConsumerLag } from "./leases/consumer-lag-metrics.js";
import { LeaseFront } from "./leases/lease-front.js";
import { LeaseFile } from "./leases/lease-file.js";
import { LeaseTables } from "./leases/lease-tables.js";
import { CloudMetrics } from "./metrics.js";
import { MetricDataFront } from "./metric-data/metric-data-front.js";
import { PublishedMetrics } from "./metric-data/published-metrics.js";
import type { Settings } from "./settings.js";
import { SignatureVerifier } from "./sigv4/index.js";
import type { Storage } from "./storage.js";
import { FanOut } from "./streams/fan-out/fan-out.js";
import { showIteratorAge } from "./streams/iterator-age-metrics.js";
import { OnDemandScaling } from "./streams/on-demand-scaling.js";
import { TokenSealer } from "./streams/sealed-token.js";
import { StreamService } from "./streams/stream-service.js";
import { GET_USAGE_TARGET, getUsage } from "./usage/get-usage.js";
import { SqliteUsage } from "./usage/sqlite-usage.js";
import { UsageMeter } from "./usage/usage-meter.js";
import { liveSessions } from "./video/hls/live-sessions.js";
import { PlayableTracksReader } from "./video/hls/playable-tracks.js";
import { VideoFront } from "./video/http/video-front.js";
import { VideoService } from "./video/video-service.js";
import { VideoTraffic } from "./video/video-traffic.js";

const BODIES_BYTES_MAX = 256 << 20;
const BODY_WAIT_MS = 20_000;
const BODIES_WAITING_MAX = 1000;

/** What the command line gets of a running cloud. */
export interface RunningCloud {
  readonly addresses: Readonly<Record<string, string>>;
  health(): { readonly ok: boolean; readonly [detail: string]: unknown };
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/** What the cloud stands on. */
export interface CloudHost {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Closed with the cloud, or where it cannot start. */
  readonly storage: Storage;
}

/**
 * Starts the cloud. Resolves once it serves.
 * @throws {Error} where the port is taken, or the credentials file cannot be used.
 */
export async function startCloud(settings: Settings, host: CloudHost): Promise<RunningCloud> {
  const closers = new Closers();
  closers.add(() => host.storage.close());
  return closers.closeOnFailure(async () => ({
    ...(await serve(settings, host, closers)),
    stop: () => closers.close(),
  }));
}

async function serve(
  settings: Settings,
  { logger, clock, storage: { log, catalog, trialWrite, onDiskFull } }: CloudHost,
  closers: Closers,
): Promise<Omit<RunningCloud, "stop">> {
  const service = await StreamService.open(catalog, {
    log,
    clock,
    accountId: settings.accountId,
    region: settings.region,
    limited: !settings.noShardLimits,
    report: (message, detail) => logger.error(detail, message),
  });
  closers.add(() => service.close());
  const scaling = new OnDemandScaling(
    service,
    () => clock.now(),
    (message, detail) => logger.error(detail, message),
  );
  closers.add(() => scaling.stop());

  const budget = new BodyBudget({ bytesMax: BODIES_BYTES_MAX, waitMs: BODY_WAIT_MS, waitingMax: BODIES_WAITING_MAX });
  const metrics = new CloudMetrics({ log, budget });
  const verifierOf = await makeVerifiers(settings, logger, clock);
  const verifier = verifierOf("kinesis");
  const sealer = new TokenSealer(await catalog.tokenKey());
  const { registry } = metrics;
  const traffic = new VideoTraffic(registry);
  const videoService = await VideoService.open({
    log,
    clock,
    catalog: catalog.video,
    accountId: settings.accountId,
    region: settings.region,
    traffic,
    report: (message, detail) => logger.error(detail, message),
  });
  closers.add(() => videoService.close());
  traffic.watch(videoService);
  const video = new VideoFront({
    context: { service: videoService, sealer, tracks: new PlayableTracksReader(log), now: () => clock.now() },
    log,
    verifier: verifierOf("kinesisvideo"),
    budget,
    metrics,
    traffic,
    logger,
  });
  const leases = await LeaseTables.open(await LeaseFile.open(join(settings.data, "leases.sqlite"), onDiskFull));
  closers.add(() => leases.close());
  const usage = await SqliteUsage.open(join(settings.data, "usage.sqlite"), onDiskFull);
  closers.add(() => usage.close());
  showIteratorAge(registry, service, () => clock.now());
  showConsumerLag(registry, async () => (leases.state ? consumerLag(leases.state, service, clock.now()) : []));
  const { accountId, region } = settings;
  const control = await startControl({ directory: settings.data, onDiskFull, clock, logger, registry, verifier });
  closers.add(() => control.close());
  const console = await startConsole({
    service,
    gateways: control.known,
    liveVideo: (countMax) => liveSessions({ service: videoService, sealer, now: () => clock.now() }, countMax),
    clock,
    logger,
    registry,
    host: settings.host,
  });
  const fanOut = new FanOut({
    limited: !settings.noShardLimits,
    now: () => clock.now(),
    onEnd: (cause) => metrics.fanOut.ended(cause),
  });
  metrics.fanOut.watch(fanOut);
  const meter = new UsageMeter({
    service,
    store: usage,
    now: () => clock.now(),
    monotonicMs: () => performance.now(),
    report: (message, detail) => logger.error(detail, message),
  });
  closers.add(() => meter.stop());
  const context = { service, fanOut, sealer, now: () => clock.now(), traffic: metrics.traffic };
  const aws = new AwsFront({
    context,
    verifier,
    budget,
    metrics,
    logger,
    ownOperations: new Map([[GET_USAGE_TARGET, getUsage(meter)]]),
  });
  const answers: RouterOptions = {
    aws,
    video,
    leases: new LeaseFront({
      tables: leases,
      context: { accountId, region, now: () => clock.now() },
      verifier: verifierOf("dynamodb"),
      budget,
      metrics,
      logger,
    }),
    metricData: new MetricDataFront({
      published: new PublishedMetrics(registry),
      verifier: verifierOf("monitoring"),
      budget,
      metrics,
      logger,
    }),
    console,
    control: control.server,
    health: () => {
      const { diskFailure, ...stats } = log.stats();
      if (diskFailure !== undefined) trialWrite.begin();
      const disk = diskFailure?.code ?? "ok";
      const diskError = diskFailure && { diskError: diskFailure.message };
      return { ok: disk === "ok", disk, ...diskError, streams: service.listStreams().length, log: stats };
    },
    metrics: () => metrics.text(),
    onBug: (error, { method, url = "" }, elapsedMs) => {
      metrics.answered("unknown", "internal", elapsedMs);
      // Without its query, which may be a signature.
      logger.error({ err: error, method, path: url.split("?", 1)[0] }, "request failed");
    },
  };
  const listener = new Listener({
    onRequest: (request, response) => routeRequest(answers, request, response),
    onUpgrade: (request, socket, head) => routeUpgrade(answers, request, socket, head),
    onRefused: (cause) => metrics.connectionRefused(cause),
    plain: {
      takes: (target) => aws.answersWhole(target),
      onCall: (call) => {
        metrics.plainCalled();
        routeCall(answers, call);
      },
    },
  });
  metrics.watch(listener);
  const { address, family, port } = await listener.listen(settings.port, settings.host);
  closers.add(() => listener.stop());
  // Before the listener, which waits for what is still being sent: live pages, gateways, media and subscriptions last long.
  closers.add(() => {
    fanOut.stop();
    video.stopWaiting();
    return videoService.cutConnections();
  });
  closers.add(() => control.server.close());
  closers.add(() => console.close());
  const shownAddress = family === "IPv6" ? `[${address}]` : address;
  const { health } = answers;
  return { addresses: { http: `http://${shownAddress}:${port}` }, health, metrics: answers.metrics };
}

/** A verifier for each service that requests are signed for; undefined where no signature is checked. */
async function makeVerifiers(
  settings: Settings,
  logger: Logger,
  clock: Clock,
): Promise<(service: "kinesis" | "kinesisvideo" | "dynamodb" | "monitoring") => SignatureVerifier | undefined> {
  if (settings.acceptAnyCredentials) {
    logger.warn("any credentials are accepted: no signature is checked");
    return () => undefined;
  }
  const { accessKeyId, secretAccessKey } = await rootCredentials(settings);
  return (service) =>
    new SignatureVerifier({
      region: settings.region,
      service,
      secretOf: (given) => (given === accessKeyId ? secretAccessKey : undefined),
      now: () => clock.now(),
    });
}

function rootCredentials({ rootAccessKey, rootSecretKey, data }: Settings): Credentials | Promise<Credentials> {
  if (rootAccessKey === undefined || rootSecretKey === undefined) return loadOrMakeCredentials(data);
  return { accessKeyId: rootAccessKey, secretAccessKey: rootSecretKey };
}
