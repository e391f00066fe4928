import {
  CONTROL_PATH,
  CONTROL_VERSION,
  type DeviceSeen,
  type GatewayMessage,
  type GatewayStatus,
} from "@headwater/protocol";
import type { Logger } from "pino";
import { WebSocket } from "ws";
import { type Backoff, delayMs } from "../uplink/backoff.js";
import { unlessAborted } from "@headwater/client/unless-aborted";
import { parseCloudMessage } from "./cloud-message.js";
import { signUpgrade, type SignOptions } from "./sign-upgrade.js";

export interface ControlOptions extends SignOptions {
  /** Of the cloud; http or https. */
  readonly url: string;
  readonly gateway: string;
  readonly spoolId: string;
  readonly status: () => GatewayStatus;
  /** The most recently seen first. */
  readonly devices: () => readonly DeviceSeen[];
  readonly logger: Logger;
  readonly random: () => number;
  /** @throws the signal's reason once it is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const STATE_EVERY_MS = 2_000;
/** The cloud pings several times as often. */
const SILENCE_MS = 60_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Of a message, in either direction: the cloud takes 1 MiB. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
const STATE_BYTES_MAX = 900 * 1024;
const STATE_DEVICES_MAX = 4096;
const RECONNECT: Backoff = { firstMs: 500, mostMs: 30_000 };
/** Somebody else's endpoint, such as AWS's: it may become ours, but not soon. */
const NOT_OURS: Backoff = { firstMs: 10 * 60_000, mostMs: 10 * 60_000 };
/** Answers to the upgrade that say that there is no control channel. */
const notOursStatuses: ReadonlySet<number> = new Set([200, 404, 405, 426, 501]);

/** The upgrade was answered with something else than 101. */
class UpgradeRefused extends Error {
  override readonly name = "UpgradeRefused";
  constructor(readonly status: number) {
    super(`the upgrade was answered with ${status}`);
  }
}

/**
 * The gateway's end of the control channel: opens a WebSocket to the cloud, says who it is, and reports its state and its
 * devices every few seconds. When the link breaks it opens another one. See docs/design/control-channel.md.
 */
export class ControlChannel {
  readonly #options: ControlOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #isConnected = false;
  #sentId = 0;
  #receivedId = 0;
  #saidNotOurs = false;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Whether the cloud has welcomed this connection. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  async close(): Promise<void> {
    this.#stopping.abort(new Error("the gateway stops"));
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { logger, random, sleep } = this.#options;
    for (let failures = 0; !signal.aborted; failures++) {
      let backoff = RECONNECT;
      try {
        await this.#connect(signal);
        failures = 0;
      } catch (error) {
        if (error instanceof UpgradeRefused && notOursStatuses.has(error.status)) {
          backoff = NOT_OURS;
          if (!this.#saidNotOurs) logger.info({ status: error.status }, "the upstream has no control channel");
          this.#saidNotOurs = true;
        } else if (!signal.aborted) {
          logger.warn({ reason: messageOf(error), attempt: failures + 1 }, "control channel failed");
        }
      }
      await sleep(delayMs(backoff, failures, random()), signal).catch((reason: unknown) => {
        if (!isAborted(signal)) throw reason;
      });
    }
  }

  /** One connection, from its opening to its end; fails where there was no welcome. */
  async #connect(signal: AbortSignal): Promise<void> {
    const url = new URL(CONTROL_PATH, this.#options.url);
    const soon = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)]);
    const headers = await unlessAborted(signUpgrade(url, this.#options), soon);
    signal.throwIfAborted();
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, {
      headers,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      followRedirects: false,
    });
    const onAbort = (): void => socket.terminate();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#converse(socket);
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#isConnected = false;
    }
  }

  #converse(socket: WebSocket): Promise<void> {
    const { gateway, spoolId, logger } = this.#options;
    return new Promise((resolve, reject) => {
      let wasWelcome = false;
      let failure: Error | undefined;
      const reports = setInterval(() => this.#report(socket), STATE_EVERY_MS);
      const silence = setTimeout(() => {
        failure = new Error(`nothing was heard for ${SILENCE_MS} ms`);
        socket.terminate();
      }, SILENCE_MS);
      socket.on("open", () => {
        this.#send(socket, { type: "hello", gateway, spoolId, resume: this.#receivedId });
      });
      socket.on("ping", () => silence.refresh());
      socket.on("message", (data, isBinary) => {
        silence.refresh();
        // Data comes as one Buffer unless the socket is told otherwise.
        const message = isBinary ? undefined : parseCloudMessage((data as Buffer).toString("utf8"));
        // A newer cloud of the same version may say more than this gateway understands.
        if (message === undefined) return;
        this.#receivedId = Math.max(this.#receivedId, message.id);
        if (message.type === "error") {
          failure = new Error(`the cloud refuses: ${message.code}: ${message.message}`);
          socket.close();
          return;
        }
        this.#sentId = Math.max(this.#sentId, message.resume);
        wasWelcome = true;
        this.#isConnected = true;
        logger.info({ url: this.#options.url }, "control channel open");
        this.#report(socket);
      });
      socket.on("unexpected-response", (request, response) => {
        failure = new UpgradeRefused(response.statusCode ?? 0);
        response.resume();
        request.destroy();
      });
      // A close follows each error.
      socket.on("error", (error) => {
        failure ??= error;
      });
      socket.on("close", () => {
        clearInterval(reports);
        clearTimeout(silence);
        if (wasWelcome) resolve();
        else reject(failure ?? new Error("closed before the cloud's welcome"));
      });
    });
  }

  /** Skips a report while the last one is still on its way. */
  #report(socket: WebSocket): void {
    if (!this.#isConnected || socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > 0) return;
    const devices: DeviceSeen[] = [];
    let bytes = 0;
    for (const device of this.#options.devices().slice(0, STATE_DEVICES_MAX)) {
      bytes += Buffer.byteLength(JSON.stringify(device)) + 1;
      if (bytes > STATE_BYTES_MAX) break;
      devices.push(device);
    }
    this.#send(socket, { type: "state", gateway: this.#options.status(), devices });
  }

  #send(socket: WebSocket, message: Unnumbered<GatewayMessage>): void {
    this.#sentId++;
    const numbered = { v: CONTROL_VERSION, id: this.#sentId, ...message } as const;
    socket.send(JSON.stringify(numbered satisfies GatewayMessage));
  }
}

/** Distributes over the kinds of message. */
type Unnumbered<M> = M extends GatewayMessage ? Omit<M, "v" | "id"> : never;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** A function, since a getter's value is taken not to change across an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
