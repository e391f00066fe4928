import type { Log } from "@headwater/log";
import type { DeviceSeen, DeviceStatus } from "@headwater/protocol";
import { z } from "zod";
import type { Session } from "../listener/session.js";
import { parseDeviceStatus } from "./device-status.js";

interface Device {
  connections: number;
  lastSeenMs: number;
  records: number;
  bytes: number;
  status: DeviceStatus | undefined;
}

export const DEVICE_SHARD = "devices";

const snapshotSchema = z.strictObject({
  v: z.literal(1),
  devices: z.array(z.tuple([z.string(), z.number()])),
});

/**
 * The devices that this gateway has heard of, and when. A device is who has published on its own topics or holds a
 * credential. Bounded: beyond, the one not seen for longest is forgotten. When each was last seen survives a restart.
 */
export class DeviceRegistry {
  /** Not seen for longest first. */
  readonly #devices = new Map<string, Device>();
  /** Connections that are counted in their device's `connections`. */
  readonly #counted = new WeakSet<Session>();
  readonly #log: Log;
  readonly #devicesMax: number;
  readonly #clock: { now(): number };
  #isDirty = false;

  private constructor(log: Log, devicesMax: number, clock: { now(): number }) {
    this.#log = log;
    this.#devicesMax = devicesMax;
    this.#clock = clock;
  }

  static async open(log: Log, devicesMax: number, clock: { now(): number }): Promise<DeviceRegistry> {
    const registry = new DeviceRegistry(log, devicesMax, clock);
    const state = await log.getState(DEVICE_SHARD);
    if (state === undefined) return registry;
    const { devices } = snapshotSchema.parse(JSON.parse(Buffer.from(state.state).toString("utf8")));
    for (const [device, lastSeenMs] of devices) registry.#seen(device, lastSeenMs);
    return registry;
  }

  get size(): number {
    return this.#devices.size;
  }

  /** The most recently seen first. */
  list(devicesMax: number): DeviceSeen[] {
    return [...this.#devices]
      .toReversed()
      .slice(0, devicesMax)
      .map(([device, { connections, lastSeenMs, records, bytes, status }]) => ({
        device,
        connected: connections > 0,
        lastSeenMs,
        records,
        bytes,
        ...(status === undefined ? {} : { status }),
      }));
  }

  connected(session: Session): void {
    // Anyone may connect anonymously under any name; who never publishes as a device is none.
    if (session.device === undefined || (session.user === undefined && !this.#devices.has(session.device))) return;
    this.#count(session, this.#seen(session.device, this.#clock.now()));
  }

  disconnected(session: Session): void {
    if (session.device === undefined || !this.#counted.delete(session)) return;
    const device = this.#devices.get(session.device);
    if (device === undefined) return;
    device.connections = Math.max(0, device.connections - 1);
    this.#seen(session.device, this.#clock.now());
  }

  committed(session: Session, { records, bytes }: { readonly records: number; readonly bytes: number }): void {
    const device = this.#published(session);
    if (device === undefined) return;
    device.records += records;
    device.bytes += bytes;
  }

  /** Takes a device's report of itself. @returns whether it is well-formed. */
  reported(session: Session, payload: Buffer): boolean {
    const status = parseDeviceStatus(payload);
    const device = this.#published(session);
    if (status === undefined || device === undefined) return false;
    device.status = status;
    return true;
  }

  /** Stores when each device was last seen, if that has changed. @throws {LogError} */
  async save(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const devices = [...this.#devices].map(([device, { lastSeenMs }]) => [device, lastSeenMs]);
    try {
      await this.#log.putState(DEVICE_SHARD, Buffer.from(JSON.stringify({ v: 1, devices })));
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }

  #published(session: Session): Device | undefined {
    if (session.device === undefined) return undefined;
    const device = this.#seen(session.device, this.#clock.now());
    this.#count(session, device);
    return device;
  }

  #count(session: Session, device: Device): void {
    if (this.#counted.has(session)) return;
    this.#counted.add(session);
    device.connections++;
  }

  #seen(name: string, atMs: number): Device {
    const device = this.#devices.get(name) ?? {
      connections: 0,
      lastSeenMs: 0,
      records: 0,
      bytes: 0,
      status: undefined,
    };
    device.lastSeenMs = Math.max(device.lastSeenMs, atMs);
    this.#devices.delete(name);
    this.#devices.set(name, device);
    this.#isDirty = true;
    if (this.#devices.size > this.#devicesMax) {
      for (const [oldest, { connections }] of this.#devices) {
        if (connections > 0) continue;
        this.#devices.delete(oldest);
        break;
      }
    }
    return device;
  }
}
