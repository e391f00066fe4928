import { pino, type Logger } from "pino";
import { z } from "zod";
import type { Part, Running } from "../part.js";
import { serveOperatorHttp, type OperatorHttp } from "./operator-http.js";
import { describeStartFailure, isBug } from "./start-failure.js";

/** Settings that every part has beside its own. */
export const commonSettings = z.strictObject({
  logLevel: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal"])
    .default("info")
    .describe("least severe log lines that are written to stderr"),
});

/** How long a part may take to stop before the process ends all the same. */
const STOP_TIMEOUT_MS = 9_500;

/**
 * Runs a part until SIGTERM, SIGINT or the end of the process that started it, then exits: 0 after a stop in good
 * order, 1 if it could not start, failed, or did not stop in time.
 */
export async function runPart(part: Part, settings: unknown, common: z.output<typeof commonSettings>): Promise<void> {
  const logger = createLogger(part.name, common.logLevel);
  exitOnBugs(logger);
  const stopRequested = whenToldToStop(logger);

  let running: Running;
  let http: OperatorHttp | undefined;
  const addresses: Record<string, string> = {};
  try {
    // The part's own schema made these settings.
    running = await part.start(settings as never, { logger });
    Object.assign(addresses, running.addresses);
    const httpPort = httpPortOf(settings);
    if (httpPort !== undefined) {
      http = await serveOperatorHttp(httpPort, running, logger);
      addresses["http"] = http.url;
    }
  } catch (error) {
    if (isBug(error)) logger.fatal({ err: error }, "could not start");
    else process.stderr.write(`headwater ${part.name}: ${await describeStartFailure(error as Error)}\n`);
    process.exit(1);
  }
  process.stdout.write(`${readyLine(part.name, addresses)}\n`);
  logger.info({ ...addresses }, "ready");

  await stopRequested;
  try {
    await running.stop();
    await http?.close();
  } catch (error) {
    logger.fatal({ err: error }, "could not stop in good order");
    process.exit(1);
  }
  logger.info("stopped");
  process.exit(0);
}

/** `headwater gateway ready mqtt=mqtt://127.0.0.1:1883 http=http://127.0.0.1:41234`. */
export function readyLine(name: string, addresses: Readonly<Record<string, string>>): string {
  const words = Object.entries(addresses).map(([key, value]) => `${key}=${value}`);
  return ["headwater", name, "ready", ...words].join(" ");
}

function httpPortOf(settings: unknown): number | undefined {
  return z.object({ httpPort: z.number().optional() }).parse(settings).httpPort;
}

function createLogger(name: string, level: string): Logger {
  return pino(
    {
      name: `headwater-${name}`,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Synchronous, so that the last line before an exit is there.
    pino.destination({ dest: 2, sync: true }),
  );
}

function exitOnBugs(logger: Logger): void {
  // Node's own warnings, as of a deprecation, in the log's format instead of theirs.
  process.removeAllListeners("warning").on("warning", (warning) => logger.warn({ err: warning }, "warning of Node"));
  const exit = (error: unknown, message: string): void => {
    logger.fatal({ err: error }, message);
    process.exit(1);
  };
  process.on("uncaughtException", (error) => exit(error, "uncaught exception"));
  process.on("unhandledRejection", (reason) => exit(reason, "unhandled rejection"));
}

/** From then on the process ends within {@link STOP_TIMEOUT_MS}, whatever the part does. */
function whenToldToStop(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    const stop = (reason: string): void => {
      logger.info({ reason }, "stopping");
      setTimeout(() => {
        logger.fatal({ timeoutMs: STOP_TIMEOUT_MS }, "did not stop in time");
        process.exit(1);
      }, STOP_TIMEOUT_MS).unref();
      resolve();
    };
    let told = false;
    const once = (reason: string): void => {
      if (!told) stop(reason);
      told = true;
    };
    process.on("SIGTERM", () => once("SIGTERM"));
    process.on("SIGINT", () => once("SIGINT"));
    // Started with an IPC channel, as by `npm start`: even a starter killed with SIGKILL leaves nothing behind.
    if (process.connected) process.once("disconnect", () => once("the process that started this one is gone"));
  });
}
