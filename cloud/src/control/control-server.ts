import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { CONTROL_PATH } from "@headwater/protocol";
import type { Registry } from "../prometheus.js";
import { type WebSocket, WebSocketServer } from "ws";
import type { SignedRequest } from "../sigv4/index.js";
import { ControlMetrics } from "./control-metrics.js";
import { type CloseCause, ControlSession, type Effect, type SessionLimits } from "./control-session.js";
import type { KnownGateways } from "./known-gateways.js";
import type { LastSeen } from "./last-seen.js";
import { type Refusal, refuseUpgrade } from "./refuse-upgrade.js";

export interface ControlOptions {
  readonly known: KnownGateways;
  readonly lastSeen: LastSeen;
  /** Throws where the request is not signed by a known key. */
  readonly authenticate: (request: SignedRequest) => void;
  /** How to answer what `authenticate` threw. */
  readonly refusalFor: (error: unknown) => Refusal;
  readonly clock: { now(): number };
  readonly registry: Registry;
  readonly limits: ControlLimits;
}

export interface ControlLimits extends SessionLimits {
  /** One message; a longer one ends the connection with WebSocket's code 1009. */
  readonly messageBytesMax: number;
  /** Sockets at a time, hello said or not. */
  readonly connectionsMax: number;
}

export const controlLimits: ControlLimits = {
  messageBytesMax: 1024 * 1024,
  connectionsMax: 512,
  devicesMax: 4096,
  helloTimeoutMs: 10_000,
  idleTimeoutMs: 45_000,
};

/**
 * The cloud's end of the control channel: takes WebSocket upgrades at {@link CONTROL_PATH}, keeps what gateways report
 * in {@link KnownGateways}. The owner calls {@link sweep} every few seconds.
 * See docs/design/control-channel.md.
 */
export class ControlServer {
  readonly #options: ControlOptions;
  readonly #metrics: ControlMetrics;
  readonly #upgrades: WebSocketServer;
  /** Sockets that are not closed yet. */
  readonly #open = new Set<WebSocket>();
  /** Connections that are still listened to. */
  readonly #sessions = new Map<WebSocket, ControlSession>();
  /** The connection that speaks for a gateway. */
  readonly #current = new Map<string, WebSocket>();
  #stopping = false;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#metrics = new ControlMetrics(options.registry, () => this.#current.size);
    this.#upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.messageBytesMax,
    });
    // Emitted for an upgrade request that is no WebSocket handshake.
    this.#upgrades.on("wsClientError", (error, socket) => {
      this.#refuse(socket, {
        cause: "bad-handshake",
        status: 400,
        type: "ValidationException",
        message: error.message,
      });
    });
  }

  /** Owns the socket from here on: accepts the upgrade, or refuses and closes it. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A peer that goes away while it is refused concerns nobody.
    socket.on("error", () => socket.destroy());
    const refusal = this.#refusal(request);
    if (refusal === undefined) {
      this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket));
    } else {
      this.#refuse(socket, refusal);
    }
  }

  /** Pings every connection, ends those that are silent or never said hello, and stores what changed. */
  async sweep(): Promise<void> {
    const nowMs = this.#options.clock.now();
    for (const [webSocket, session] of this.#sessions) {
      const effects = session.tick(nowMs);
      if (effects.length === 0) webSocket.ping();
      else this.#perform(webSocket, effects);
    }
    await this.#options.lastSeen.save();
  }

  /** Closes every socket and stores the last state. Resolves within about a second. */
  async close(): Promise<void> {
    this.#stopping = true;
    for (const webSocket of this.#sessions.keys()) {
      this.#perform(webSocket, [{ do: "close", cause: "stopping", reason: "the cloud stops" }]);
    }
    const closed = [...this.#open].map((webSocket) => new Promise((resolve) => webSocket.once("close", resolve)));
    await Promise.all(closed);
    await this.#options.lastSeen.save();
  }

  #refusal(request: IncomingMessage): Refusal | undefined {
    const target = request.url ?? "";
    if (target.split("?", 1)[0] !== CONTROL_PATH) return unknownPath;
    // Browsers let any page open a WebSocket to this machine, and always say Origin; gateways never do.
    if (request.headers.origin !== undefined) return fromBrowser;
    try {
      this.#options.authenticate({ method: request.method ?? "", target, rawHeaders: request.rawHeaders });
    } catch (error) {
      return this.#options.refusalFor(error);
    }
    return this.#stopping || this.#open.size >= this.#options.limits.connectionsMax ? busy : undefined;
  }

  #refuse(socket: Duplex, refusal: Refusal): void {
    this.#metrics.refusedUpgrades.inc({ cause: refusal.cause });
    refuseUpgrade(socket, refusal);
  }

  #accept(webSocket: WebSocket): void {
    const { clock, known, limits } = this.#options;
    const session = new ControlSession(known, limits, clock.now());
    this.#open.add(webSocket);
    this.#sessions.set(webSocket, session);
    this.#metrics.connections.inc();
    webSocket.on("message", (data, isBinary) => {
      if (!this.#sessions.has(webSocket)) return;
      // Data comes as one Buffer unless the socket is told otherwise. A binary message is none of ours.
      this.#perform(webSocket, session.received(isBinary ? "" : (data as Buffer).toString(), clock.now()));
    });
    webSocket.on("pong", () => {
      if (this.#sessions.has(webSocket)) session.alive(clock.now());
    });
    // A close follows each error, so only the cause is kept here.
    let cause = "peer-closed";
    webSocket.on("error", (error) => {
      cause = causeOf(error);
    });
    webSocket.on("close", () => {
      this.#open.delete(webSocket);
      this.#forget(webSocket, cause);
    });
  }

  #perform(webSocket: WebSocket, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.do === "send") {
        webSocket.send(JSON.stringify(effect.message));
      } else if (effect.do === "arrived") {
        this.#takeOver(effect.gateway, webSocket);
      } else {
        this.#forget(webSocket, effect.cause);
        webSocket.close(closeCodes[effect.cause] ?? POLICY_VIOLATION, effect.reason);
        // A peer that does not answer the close is not waited for.
        const grace = setTimeout(() => webSocket.terminate(), CLOSE_GRACE_MS);
        webSocket.once("close", () => clearTimeout(grace));
      }
    }
  }

  /** The newest connection of a gateway speaks for it: the older one may be a dead link that nobody noticed yet. */
  #takeOver(gateway: string, webSocket: WebSocket): void {
    const older = this.#current.get(gateway);
    this.#current.set(gateway, webSocket);
    if (older !== undefined) {
      this.#perform(older, [{ do: "close", cause: "replaced", reason: "a newer connection of this gateway" }]);
    }
  }

  /** Listens to the connection no longer; does nothing where that was so before. */
  #forget(webSocket: WebSocket, cause: string): void {
    const session = this.#sessions.get(webSocket);
    if (session === undefined) return;
    this.#sessions.delete(webSocket);
    this.#metrics.closed.inc({ cause });
    if (session.gateway !== undefined && this.#current.get(session.gateway) === webSocket) {
      this.#current.delete(session.gateway);
      session.ended();
      void this.#options.lastSeen.save();
    }
  }
}

const CLOSE_GRACE_MS = 1000;
/** WebSocket's close codes, RFC 6455, section 7.4.1, and its registry. */
const POLICY_VIOLATION = 1008;
const closeCodes: Partial<Record<CloseCause, number>> = { stopping: 1001, "no-room": 1013 };

const unknownPath: Refusal = {
  cause: "unknown-path",
  status: 404,
  type: "UnknownOperationException",
  message: "There is no WebSocket at this path.",
};
const fromBrowser: Refusal = {
  cause: "browser",
  status: 403,
  type: "AccessDeniedException",
  message: "The control channel is for gateways, not for pages.",
};
const busy: Refusal = {
  cause: "busy",
  status: 503,
  type: "ServiceUnavailableException",
  message: "The control channel takes no more connections now.",
};

/** The `ws` library's error codes, as values of a label. */
function causeOf(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return "oversize";
  return code.startsWith("WS_ERR") ? "malformed" : "link-lost";
}
