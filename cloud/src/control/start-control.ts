import { join } from "node:path";
import type { Clock } from "@headwater/log";
import type { Logger } from "pino";
import { Counter, type Registry } from "../prometheus.js";
import { toCloudError, wireErrors } from "../http/wire-errors.js";
import { type SignatureVerifier, verifyRequest } from "../sigv4/index.js";
import { controlLimits, ControlServer } from "./control-server.js";
import { KnownGateways } from "./known-gateways.js";
import { LastSeen } from "./last-seen.js";
import { SqliteLastSeen } from "./sqlite-last-seen.js";

const GATEWAYS_MAX = 256;
const SWEEP_MS = 5000;
/** For a client, it is the same whichever way its signature is wrong. */
const NOT_AUTHENTICATED = 403;

export interface ControlSurroundings {
  /** Where last-seen is kept. */
  readonly directory: string;
  /** Called when last-seen cannot be written for lack of room. */
  readonly onDiskFull: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Undefined where any credentials are accepted. */
  readonly verifier: SignatureVerifier | undefined;
}

export interface Control {
  readonly server: ControlServer;
  readonly known: KnownGateways;
  /** Closes every connection, then the file. */
  close(): Promise<void>;
}

/** Opens what is known of gateways, and takes their calls from then on. */
export async function startControl({
  directory,
  onDiskFull,
  clock,
  logger,
  registry,
  verifier,
}: ControlSurroundings): Promise<Control> {
  const store = await SqliteLastSeen.open(join(directory, "last-seen.sqlite"), onDiskFull);
  const known = new KnownGateways(GATEWAYS_MAX);
  known.load(await store.load());
  const saveFailures = new Counter({
    name: "headwater_control_save_failures_total",
    help: "Writes of last-seen that failed; the next write carries their changes.",
    registers: [registry],
  });
  const server = new ControlServer({
    known,
    clock,
    registry,
    limits: controlLimits,
    lastSeen: new LastSeen(known, store, (error) => {
      saveFailures.inc();
      logger.error({ err: error }, "could not store when gateways were last seen");
    }),
    authenticate: (request) => {
      if (verifier !== undefined) verifyRequest(verifier, request);
    },
    refusalFor: (thrown) => {
      const { code, message } = toCloudError(thrown);
      return { cause: code, status: NOT_AUTHENTICATED, type: wireErrors[code].type, message };
    },
  });
  const sweeping = setInterval(() => void server.sweep(), SWEEP_MS);
  return {
    server,
    known,
    async close() {
      clearInterval(sweeping);
      await server.close();
      await store.close();
    },
  };
}
