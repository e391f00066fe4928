import { once, type EventEmitter } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError, type Client, type PublishPacket, type Subscription } from "aedes";
import { downFilter } from "@headwater/protocol";
import type { Logger } from "pino";
import { Refusal } from "../gateway-error.js";
import type { GatewayMetrics } from "../metrics.js";
import { ByteBudget } from "./byte-budget.js";
import { causeOfEnd } from "./cause-of-end.js";
import { GuardedSocket } from "./guarded-socket.js";
import type { Claim } from "./identify.js";
import type { Session } from "./session.js";

export interface ListenerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly connectionsMax: number;
  /** Largest PUBLISH packet. */
  readonly frameBytesMax: number;
  /** Bytes of PUBLISH packets that may be read or being committed at a time, of all connections together. */
  readonly ingestBytesMax: number;
  /** @throws {Refusal} where the client may not connect. */
  readonly identify: (claim: Claim) => Session | Promise<Session>;
  /**
   * Takes one message; the PUBACK is sent when it resolves. Called in the order of arrival, several at a time.
   * @throws {Refusal} ends the connection without PUBACK.
   */
  readonly onPublish: (session: Session, topic: string, payload: Buffer) => Promise<void>;
  readonly onConnect: (session: Session) => void;
  readonly onDisconnect: (session: Session) => void;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

const OTHER_PACKET_BYTES_MAX = 128 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** A client that does not read its acknowledgements this long is gone. */
const DRAIN_TIMEOUT_MS = 5_000;
/** Not a byte in either direction; a client that is alive pings more often than that. */
const IDLE_TIMEOUT_MS = 10 * 60_000;
const STOP_TIMEOUT_MS = 3_000;
/** Half-done QoS 2 handshakes of one connection. */
const QOS2_INFLIGHT_MAX = 64;
/** Different ones of one connection. */
const SUBSCRIPTIONS_MAX = 16;
const NOTHING = Buffer.alloc(0);

/** CONNACK return codes, MQTT 3.1.1, section 3.2.2.3. */
const returnCodes: Readonly<Record<string, number>> = {
  "client-id-not-allowed": 2,
  "verification-busy": 3,
  stopping: 3,
  "credentials-wrong": 4,
};

/**
 * The MQTT 3.1.1 listener: aedes, used for what comes in only. Its `authorizePublish` is the one hook that runs before the
 * PUBACK, so messages are committed there.
 */
export class MqttListener {
  readonly #options: ListenerOptions;
  readonly #broker: Aedes;
  readonly #server: Server;
  readonly #budget: ByteBudget;
  readonly #guards = new Set<GuardedSocket>();
  readonly #sessions = new WeakMap<Client, Session>();
  readonly #withoutId = new WeakSet<Client>();
  /** Topic filters that each client has subscribed to. */
  readonly #granted = new WeakMap<Client, Set<string>>();
  /** Messages that wait for their commit, and who waits for there to be none. */
  #committing = 0;
  #whenIdle: (() => void) | undefined;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#budget = new ByteBudget(options.ingestBytesMax);
    this.#broker = new Aedes({
      connectTimeout: CONNECT_TIMEOUT_MS,
      drainTimeout: DRAIN_TIMEOUT_MS,
      maxInflightInbound: QOS2_INFLIGHT_MAX,
      preConnect: (client, packet, done) => {
        // The gateway keeps no sessions: what a device must hear is kept elsewhere, and memory stays bounded.
        packet.clean = true;
        if (packet.clientId === "") this.#withoutId.add(client);
        done(null, true);
      },
      authenticate: (client, username, password, answer) => {
        void this.#identify(client, username, password).then((refusal) => answer(refusal, refusal === null));
      },
      authorizePublish: (client, packet, answer) => {
        void this.#publish(client, packet).then((refusal) => answer(refusal));
      },
      authorizeSubscribe: (client, subscription, done) => done(null, this.#allowed(client, subscription)),
    });
    this.#broker.on("clientReady", (client) => {
      // It may have left while it was being let in, and its disconnect was told then.
      if (client.closed) return;
      (client.conn as GuardedSocket).admit();
      options.onConnect(this.#sessionOf(client));
    });
    this.#broker.on("clientDisconnect", (client) => options.onDisconnect(this.#sessionOf(client)));
    this.#broker.on("clientError", (client, error) => this.#ended(client, error));
    this.#broker.on("connectionError", (client, error) => this.#ended(client, error));
    // aedes reports trouble of its own here, such as a failing store of retained messages.
    (this.#broker as EventEmitter).on("error", (error: unknown) => options.logger.error({ err: error }, "MQTT broker"));
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = options.connectionsMax;
    this.#server.on("drop", () => options.metrics.connectionsEnded.inc({ cause: "too-many-connections" }));
  }

  /** @throws the listener's error, such as EADDRINUSE. */
  static async start(options: ListenerOptions): Promise<MqttListener> {
    const listener = new MqttListener(options);
    await listener.#broker.listen();
    listener.#server.listen(options.port, options.host);
    try {
      await once(listener.#server, "listening");
    } catch (error) {
      await listener.#closeBroker();
      throw error;
    }
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#guards.size;
  }

  /** Bytes of messages that are being read or committed. */
  get ingestBytes(): number {
    return this.#budget.lentBytes;
  }

  /** Takes no more messages, acknowledges those being committed if that takes no longer than 3 s, and closes. */
  async close(): Promise<void> {
    this.#server.close();
    for (const guard of this.#guards) guard.pauseReading();
    if (this.#committing > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        timer = setTimeout(resolve, STOP_TIMEOUT_MS);
      });
      clearTimeout(timer);
      // The PUBACKs are written in the turn after.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#closeBroker();
    for (const guard of this.#guards) guard.destroy();
  }

  #closeBroker(): Promise<void> {
    return new Promise((resolve) => this.#broker.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_TIMEOUT_MS);
    const guard = new GuardedSocket(socket, this.#budget, {
      publishBytesMax: this.#options.frameBytesMax,
      otherBytesMax: OTHER_PACKET_BYTES_MAX,
    });
    socket.on("timeout", () => guard.destroy(new Refusal("idle", "nothing came or went for ten minutes")));
    this.#guards.add(guard);
    guard.on("close", () => this.#guards.delete(guard));
    this.#broker.handle(guard);
  }

  /** Gives the client its session, or answers why it gets none. Does not throw. */
  async #identify(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): Promise<AuthenticateError | null> {
    const isIdMadeUp = this.#withoutId.has(client);
    try {
      this.#sessions.set(client, await this.#options.identify({ clientId: client.id, isIdMadeUp, username, password }));
      return null;
    } catch (error) {
      const refusal = this.#refusalOf(error);
      return Object.assign(refusal, { returnCode: returnCodes[refusal.code] ?? 5 });
    }
  }

  /** Commits a message, or answers why not. Does not throw. */
  async #publish(client: Client | null, packet: PublishPacket): Promise<Refusal | null> {
    try {
      await this.#commit(client, packet);
      return null;
    } catch (error) {
      const refusal = this.#refusalOf(error);
      this.#options.metrics.publishesRefused.inc({ cause: refusal.code });
      this.#options.logger.debug({ client: client?.id, cause: refusal.code, reason: refusal.message }, "refused");
      return refusal;
    }
  }

  async #commit(client: Client | null, packet: PublishPacket): Promise<void> {
    // Only a broker that shares its store with others publishes the wills of clients that it does not know.
    const session = client === null ? undefined : this.#sessions.get(client);
    if (client === null || session === undefined) throw new Refusal("not-authorized", "a message of no session");
    const loanBytes = (client.conn as GuardedSocket).takeLoan();
    this.#committing++;
    try {
      const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
      await this.#options.onPublish(session, packet.topic, payload);
      // The broker would keep retained messages, and the payload until a QoS 2 handshake ends. Nobody reads either.
      packet.retain = false;
      packet.payload = NOTHING;
    } finally {
      this.#budget.giveBack(loanBytes);
      this.#committing--;
      if (this.#committing === 0) this.#whenIdle?.();
    }
  }

  /** A device hears what is meant for it, and nobody hears anything else: one that stops reading would stop all. */
  #allowed(client: Client, subscription: Subscription): Subscription | null {
    const { device } = this.#sessionOf(client);
    const root = device === undefined ? undefined : downFilter(device).slice(0, -1);
    const { topic } = subscription;
    const granted = this.#granted.get(client) ?? new Set<string>();
    const isFew = granted.has(topic) || granted.size < SUBSCRIPTIONS_MAX;
    if (root === undefined || !topic.startsWith(root) || !isFew) {
      this.#options.metrics.subscriptionsRefused.inc();
      return null;
    }
    this.#granted.set(client, granted.add(topic));
    return subscription;
  }

  #refusalOf(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    this.#options.logger.error({ err: error }, "a message failed for a reason that should not exist");
    return new Refusal("session-failed", "internal error", { cause: error });
  }

  #ended(client: Client, error: Error): void {
    const cause = causeOfEnd(error);
    this.#options.metrics.connectionsEnded.inc({ cause });
    this.#options.logger.info({ client: client.id ?? undefined, cause, reason: error.message }, "connection ended");
  }

  #sessionOf(client: Client): Session {
    const session = this.#sessions.get(client);
    if (session === undefined) throw new TypeError("a client without a session");
    return session;
  }
}
