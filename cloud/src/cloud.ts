import { join } from "node:path";
import { lockDirectory, type LogEvent, nodeDisk, openLog, type Clock } from "@headwater/log";
import type { Logger } from "pino";
import { SqliteCatalog } from "./catalog/sqlite-catalog.js";
import { type Credentials, loadOrMakeCredentials } from "./credentials.js";
import { AwsFront } from "./http/aws-front.js";
import { BodyBudget } from "./http/body-budget.js";
import { Listener } from "./http/listener.js";
import { routeRequest } from "./http/request-router.js";
import { CloudMetrics } from "./metrics.js";
import type { Settings } from "./settings.js";
import { SignatureVerifier } from "./sigv4/index.js";
import { TokenSealer } from "./streams/sealed-token.js";
import { StreamService } from "./streams/stream-service.js";

const BODIES_BYTES_MAX = 256 << 20;
const BODY_WAIT_MS = 20_000;

/** What the command line gets of a running cloud. */
export interface RunningCloud {
  readonly addresses: Readonly<Record<string, string>>;
  health(): { readonly ok: boolean; readonly [detail: string]: unknown };
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts the cloud on a data directory. Resolves once it serves.
 * @throws {LogError} `directory-in-use`, `unsupported-format`.
 * @throws {Error} where the port is taken, or a file of the data directory cannot be used.
 */
export async function startCloud(
  settings: Settings,
  { logger, clock }: { logger: Logger; clock: Clock },
): Promise<RunningCloud> {
  const opened: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };
  try {
    return { ...(await open(settings, logger, clock, opened)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param opened gets what undoes each step, to be called in reverse. */
async function open(
  settings: Settings,
  logger: Logger,
  clock: Clock,
  opened: (() => Promise<void>)[],
): Promise<Omit<RunningCloud, "stop">> {
  const { data, accountId, region, host, port } = settings;
  const disk = nodeDisk();
  await disk.makeDirectory(data);
  const lock = await lockDirectory(data);
  opened.push(() => lock.release());

  const report = ({ level, message, ...detail }: LogEvent): void => logger[level](detail, message);
  const log = await openLog({ directory: join(data, "log"), disk, clock, report });
  opened.push(() => log.close());
  const catalog = await SqliteCatalog.open(join(data, "catalog.sqlite"));
  opened.push(() => catalog.close());
  const service = await StreamService.open(catalog, {
    log,
    clock,
    accountId,
    region,
    limited: !settings.noShardLimits,
    report: (message, detail) => logger.error(detail, message),
  });
  opened.push(() => service.close());

  const budget = new BodyBudget({ bytesMax: BODIES_BYTES_MAX, waitMs: BODY_WAIT_MS });
  const metrics = new CloudMetrics({ log, budget });
  const verifier = await makeVerifier(settings, logger, clock);
  const sealer = new TokenSealer(await catalog.tokenKey());
  const context = { service, sealer, now: () => clock.now(), traffic: metrics.traffic };
  const aws = new AwsFront({ context, verifier, budget, metrics, logger });
  const health = (): { ok: boolean; streams: number; log: unknown } => ({
    ok: true,
    streams: service.listStreams().length,
    log: log.stats(),
  });
  const router = { aws, console: undefined, health, metrics: () => metrics.text() };
  const listener = new Listener({
    onRequest: (request, response) => routeRequest(router, request, response),
    onUpgrade: (_request, socket) => socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n"),
  });
  const address = await listener.listen(port, host);
  opened.push(() => listener.stop());
  const shownHost = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    addresses: { http: `http://${shownHost}:${address.port}` },
    health,
    metrics: () => metrics.text(),
  };
}

async function makeVerifier(settings: Settings, logger: Logger, clock: Clock): Promise<SignatureVerifier | undefined> {
  if (settings.acceptAnyCredentials) {
    logger.warn("any credentials are accepted: no signature is checked");
    return undefined;
  }
  const { accessKeyId, secretAccessKey } = await rootCredentials(settings);
  return new SignatureVerifier({
    region: settings.region,
    service: "kinesis",
    secretOf: (given) => (given === accessKeyId ? secretAccessKey : undefined),
    now: () => clock.now(),
  });
}

function rootCredentials({ rootAccessKey, rootSecretKey, data }: Settings): Credentials | Promise<Credentials> {
  if (rootAccessKey === undefined || rootSecretKey === undefined) return loadOrMakeCredentials(data);
  return { accessKeyId: rootAccessKey, secretAccessKey: rootSecretKey };
}
