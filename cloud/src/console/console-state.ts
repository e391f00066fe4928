import type { DeviceSeen, GatewayStatus } from "@headwater/protocol";
import type { KnownGateway } from "../control/known-gateways.js";
import type { ShardView } from "./live-tail.js";
import { RateMeter } from "./rate-meter.js";

/** What the console needs of Data Streams. */
export interface StreamSource {
  listStreams(): readonly StreamListing[];
  /** The stream's shards, closed ones too, the same objects as long as they are the same shards; none where there is no such stream. */
  shardViews(streamName: string): readonly ShardView[];
}

export interface StreamListing {
  readonly name: string;
  readonly status: string;
  /** Open ones. */
  readonly shardCount: number;
}

/** The state of each hop, as `/console/state` answers it. Times are ms since 1970 by the cloud's clock. */
export interface ConsoleState {
  readonly timeMs: number;
  readonly startedMs: number;
  readonly region: string;
  readonly accountId: string;
  readonly streams: readonly StreamState[];
  readonly streamsOmitted: number;
  readonly gateways: readonly GatewayView[];
  readonly gatewaysOmitted: number;
}

export interface StreamState {
  readonly name: string;
  readonly status: string;
  readonly shards: number;
  /** Records and payload bytes that can be read now. */
  readonly records: number;
  readonly bytes: number;
  /** Records ever put into it. */
  readonly recordsEver: number;
  /** Over the last seconds; null until it is known. */
  readonly recordsPerSecond: number | null;
}

export interface GatewayView {
  readonly name: string;
  readonly connectedSinceMs: number | null;
  readonly lastSeenMs: number;
  /** Null until its first report. */
  readonly status: GatewayStatus | null;
  /** Connected ones first. Their times are by the gateway's clock. */
  readonly devices: readonly DeviceSeen[];
  readonly devicesOmitted: number;
  readonly devicesConnected: number;
}

const STREAMS_MAX = 100;
const GATEWAYS_MAX = 20;
const DEVICES_MAX = 20;

export interface ConsoleFacts {
  readonly region: string;
  readonly accountId: string;
  readonly startedMs: number;
}

/** Gathers the state of each hop, bounded however many streams, gateways and devices there are. */
export class StateGatherer {
  readonly #rates = new Map<string, RateMeter>();

  constructor(
    readonly facts: ConsoleFacts,
    readonly streams: StreamSource,
    readonly gateways: { list(): readonly KnownGateway[] },
  ) {}

  gather(nowMs: number): ConsoleState {
    const all = this.streams.listStreams();
    const names = new Set(all.map(({ name }) => name));
    for (const name of this.#rates.keys()) if (!names.has(name)) this.#rates.delete(name);
    const gateways = [...this.gateways.list()].sort(
      (a, b) => Number(b.connectedSinceMs !== undefined) - Number(a.connectedSinceMs !== undefined),
    );
    return {
      ...this.facts,
      timeMs: nowMs,
      streams: all.slice(0, STREAMS_MAX).map((stream) => this.#stream(stream, nowMs)),
      streamsOmitted: Math.max(0, all.length - STREAMS_MAX),
      gateways: gateways.slice(0, GATEWAYS_MAX).map(viewGateway),
      gatewaysOmitted: Math.max(0, gateways.length - GATEWAYS_MAX),
    };
  }

  #stream({ name, status, shardCount }: StreamListing, nowMs: number): StreamState {
    const shards = this.streams.shardViews(name);
    let [records, bytes, recordsEver] = [0, 0, 0];
    for (const shard of shards) {
      const bounds = shard.bounds();
      records += bounds.next - bounds.first;
      bytes += bounds.bytes;
      recordsEver += bounds.next;
    }
    let meter = this.#rates.get(name);
    if (meter === undefined) this.#rates.set(name, (meter = new RateMeter()));
    const recordsPerSecond = meter.rate(recordsEver, nowMs) ?? null;
    return { name, status, shards: shardCount, records, bytes, recordsEver, recordsPerSecond };
  }
}

function viewGateway({ gateway, connectedSinceMs, lastSeenMs, state }: KnownGateway): GatewayView {
  const devices = [...(state?.devices ?? [])].sort((a, b) => Number(b.connected) - Number(a.connected));
  return {
    name: gateway,
    connectedSinceMs: connectedSinceMs ?? null,
    lastSeenMs,
    status: state?.gateway ?? null,
    devices: devices.slice(0, DEVICES_MAX),
    devicesOmitted: Math.max(0, devices.length - DEVICES_MAX) + (state?.devicesOmitted ?? 0),
    devicesConnected: devices.filter(({ connected }) => connected).length,
  };
}
