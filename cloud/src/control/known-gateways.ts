import type { DeviceSeen, GatewayStatus } from "@headwater/protocol";

/** What the cloud knows of one gateway. Times are milliseconds since 1970 by the cloud's clock. */
export interface KnownGateway {
  readonly gateway: string;
  /** UUID of the gateway's spool: another one means another disk, whose ids start anew. */
  readonly spoolId: string;
  /** Since when it is connected; undefined while it is not. */
  readonly connectedSinceMs?: number;
  readonly lastSeenMs: number;
  /** Highest message id seen from it. */
  readonly lastMessageId: number;
  /** Highest message id sent to it. */
  readonly lastCloudId: number;
  readonly state?: GatewayState;
}

export interface GatewayState {
  readonly gateway: GatewayStatus;
  readonly devices: readonly DeviceSeen[];
  /** Devices beyond the bound, which are not kept. */
  readonly devicesOmitted: number;
}

/**
 * The gateways that called, connected or not: at most `gatewaysMax`. A new one takes the place of the one that has
 * been away longest.
 */
export class KnownGateways {
  readonly #gateways = new Map<string, KnownGateway>();
  readonly #unsaved = new Set<string>();
  readonly #forgotten = new Set<string>();

  constructor(readonly gatewaysMax: number) {}

  /** Takes over what the catalog kept. */
  load(gateways: readonly KnownGateway[]): void {
    for (const known of gateways.slice(0, this.gatewaysMax)) this.#gateways.set(known.gateway, known);
  }

  get(gateway: string): KnownGateway | undefined {
    return this.#gateways.get(gateway);
  }

  /** By name. */
  list(): KnownGateway[] {
    return [...this.#gateways.values()].sort((a, b) => (a.gateway < b.gateway ? -1 : 1));
  }

  /** Stores what is now known; false where there is no room because every gateway is connected. */
  put(known: KnownGateway): boolean {
    if (!this.#gateways.has(known.gateway) && this.#gateways.size >= this.gatewaysMax && !this.#evict()) return false;
    this.#gateways.set(known.gateway, known);
    this.#forgotten.delete(known.gateway);
    this.#unsaved.add(known.gateway);
    return true;
  }

  /** What changed since the last call, for the catalog. */
  takeChanges(): Changes {
    const saved = [...this.#unsaved].flatMap((gateway) => this.#gateways.get(gateway) ?? []);
    const changes = { saved, forgotten: [...this.#forgotten] };
    this.#unsaved.clear();
    this.#forgotten.clear();
    return changes;
  }

  /** Gives back changes that could not be written, so that the next attempt has them. */
  returnChanges({ saved, forgotten }: Changes): void {
    for (const { gateway } of saved) if (this.#gateways.has(gateway)) this.#unsaved.add(gateway);
    for (const gateway of forgotten) if (!this.#gateways.has(gateway)) this.#forgotten.add(gateway);
  }

  #evict(): boolean {
    let oldest: KnownGateway | undefined;
    for (const known of this.#gateways.values()) {
      if (known.connectedSinceMs !== undefined) continue;
      if (oldest === undefined || known.lastSeenMs < oldest.lastSeenMs) oldest = known;
    }
    if (oldest === undefined) return false;
    this.#gateways.delete(oldest.gateway);
    this.#unsaved.delete(oldest.gateway);
    this.#forgotten.add(oldest.gateway);
    return true;
  }
}

export interface Changes {
  readonly saved: readonly KnownGateway[];
  readonly forgotten: readonly string[];
}
