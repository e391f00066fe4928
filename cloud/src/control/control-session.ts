import { CONTROL_VERSION, type CloudMessage, type GatewayMessage } from "@headwater/protocol";
import { parseGatewayMessage } from "./gateway-message.js";
import type { KnownGateway, KnownGateways } from "./known-gateways.js";

export interface SessionLimits {
  /** Devices kept of one `state`; the rest is counted only. */
  readonly devicesMax: number;
  /** A connection must say hello within this. */
  readonly helloTimeoutMs: number;
  /** A connection that was silent for this long, pongs included, is dead. */
  readonly idleTimeoutMs: number;
}

/** Why the cloud ended a connection; each is counted. */
export type CloseCause =
  "malformed" | "unsupported-version" | "hello-timeout" | "idle-timeout" | "replaced" | "no-room" | "stopping";

/** What the owner of the connection has to do. */
export type Effect =
  | { readonly do: "send"; readonly message: CloudMessage }
  | { readonly do: "arrived"; readonly gateway: string }
  | { readonly do: "close"; readonly cause: CloseCause; readonly reason: string };

/**
 * One connection of a gateway, without its socket: texts and ticks in, effects out. Every change goes into
 * {@link KnownGateways}. After a `close` effect the session must not be used but for {@link ended}.
 */
export class ControlSession {
  #gateway: string | undefined;
  #lastHeardMs: number;
  readonly #openedMs: number;

  constructor(
    readonly known: KnownGateways,
    readonly limits: SessionLimits,
    nowMs: number,
  ) {
    this.#openedMs = nowMs;
    this.#lastHeardMs = nowMs;
  }

  /** The gateway's name, once it said hello. */
  get gateway(): string | undefined {
    return this.#gateway;
  }

  /** A text message arrived. */
  received(text: string, nowMs: number): Effect[] {
    this.#lastHeardMs = nowMs;
    const message = parseGatewayMessage(text);
    if ("code" in message) return this.#refuse(message.code, message.message);
    return message.type === "hello" ? this.#hello(message, nowMs) : this.#state(message, nowMs);
  }

  /** A pong arrived. */
  alive(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    this.#update({ lastSeenMs: nowMs });
  }

  /** Time passed. */
  tick(nowMs: number): Effect[] {
    if (this.#gateway === undefined && nowMs - this.#openedMs >= this.limits.helloTimeoutMs) {
      return [{ do: "close", cause: "hello-timeout", reason: "no hello came" }];
    }
    if (nowMs - this.#lastHeardMs >= this.limits.idleTimeoutMs) {
      return [{ do: "close", cause: "idle-timeout", reason: "nothing was heard for too long" }];
    }
    return [];
  }

  /** The connection ended; not to be called where another connection of the gateway took over. */
  ended(): void {
    const before = this.#gateway === undefined ? undefined : this.known.get(this.#gateway);
    if (before === undefined) return;
    const { connectedSinceMs: _, ...rest } = before;
    this.known.put({ ...rest, lastSeenMs: this.#lastHeardMs });
  }

  #hello({ id, gateway, spoolId, resume }: Extract<GatewayMessage, { type: "hello" }>, nowMs: number): Effect[] {
    if (this.#gateway !== undefined) return this.#refuse("malformed", "a second hello");
    const before = this.known.get(gateway);
    const sameSpool = before?.spoolId === spoolId;
    const lastCloudId = Math.max(before?.lastCloudId ?? 0, resume);
    const room = this.known.put({
      gateway,
      spoolId,
      connectedSinceMs: nowMs,
      lastSeenMs: nowMs,
      lastMessageId: sameSpool ? Math.max(before.lastMessageId, id) : id,
      lastCloudId,
      ...(before?.state && { state: before.state }),
    });
    if (!room) return [{ do: "close", cause: "no-room", reason: "the cloud knows as many gateways as it may" }];
    this.#gateway = gateway;
    const welcome = { type: "welcome", resume: sameSpool ? before.lastMessageId : 0 } as const;
    return [
      { do: "arrived", gateway },
      { do: "send", message: { v: CONTROL_VERSION, id: this.#nextId(), ...welcome } },
    ];
  }

  #state({ id, gateway, devices }: Extract<GatewayMessage, { type: "state" }>, nowMs: number): Effect[] {
    if (this.#gateway === undefined) return this.#refuse("malformed", "the first message must be hello");
    const before = this.known.get(this.#gateway);
    const { devicesMax } = this.limits;
    this.#update({
      lastSeenMs: nowMs,
      lastMessageId: Math.max(before?.lastMessageId ?? 0, id),
      state: {
        gateway,
        devices: devices.slice(0, devicesMax),
        devicesOmitted: Math.max(0, devices.length - devicesMax),
      },
    });
    return [];
  }

  #refuse(code: "unsupported-version" | "malformed", message: string): Effect[] {
    return [
      { do: "send", message: { v: CONTROL_VERSION, id: this.#nextId(), type: "error", code, message } },
      { do: "close", cause: code, reason: code },
    ];
  }

  /** Ids rise over all connections of a gateway; before hello there is no gateway, and the connection starts at 1. */
  #nextId(): number {
    const id = ((this.#gateway && this.known.get(this.#gateway)?.lastCloudId) || 0) + 1;
    this.#update({ lastCloudId: id });
    return id;
  }

  #update(change: Partial<Omit<KnownGateway, "gateway">>): void {
    const before = this.#gateway === undefined ? undefined : this.known.get(this.#gateway);
    if (before !== undefined) this.known.put({ ...before, ...change });
  }
}
