import type { User } from "../auth/authenticator.js";
import type { Refusal } from "../gateway-error.js";

/** One MQTT connection, from its CONNECT on. */
export class Session {
  /** As the client gave it; made up for a client that gave none. */
  readonly clientId: string;
  /** The device that this connection speaks for; undefined where its client id is no device's. */
  readonly device: string | undefined;
  /** Undefined on a gateway that takes anyone. */
  readonly user: User | undefined;
  #failure: Refusal | undefined;

  constructor(clientId: string, device: string | undefined, user: User | undefined) {
    this.clientId = clientId;
    this.device = device;
    this.user = user;
  }

  /** The first message that could not be committed; nothing after it may be. */
  get failure(): Refusal | undefined {
    return this.#failure;
  }

  /**
   * Nothing of this connection is committed any more: a later message must not overtake the one that failed. The device
   * connects again and resends from its first unacknowledged message on.
   */
  fail(reason: Refusal): void {
    this.#failure ??= reason;
  }
}
