import { join, resolve } from "node:path";
import { type Disk, lockDirectory, type Log, nodeDisk, openLog } from "@headwater/log";
import { type DeviceStatus, recordsTopic } from "@headwater/protocol";
import type { DeviceClock } from "../clock/device-clock.js";
import { systemClock } from "../clock/system-clock.js";
import type { RecordInput } from "../spool/record-input.js";
import { Spool, type SpoolStatus, WAITING_BYTES_MAX } from "../spool/spool.js";
import type { Connect } from "../uplink/gateway-connection.js";
import { mqttConnect } from "../uplink/mqtt-connection.js";
import { Uplink, type UplinkState } from "../uplink/uplink.js";
import { DeviceError, fromLogError } from "./device-error.js";
import { type CheckedOptions, checkOptions, type DeviceOptions } from "./options.js";

/** What a device runs on. */
export interface Machine {
  readonly disk: Disk;
  readonly clock: DeviceClock;
  readonly connect: Connect;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
  readonly lock: (directory: string) => Promise<{ release(): Promise<void> }>;
}

/** What {@link Device.status} answers. */
export type DeviceState = SpoolStatus & UplinkState;

/** A device: puts records into its spool, from where they go to the gateway whenever it can be reached. */
export class Device {
  readonly #log: Log;
  readonly #spool: Spool;
  readonly #uplink: Uplink;
  readonly #release: () => Promise<void>;
  readonly #running = new AbortController();
  readonly #loops: Promise<unknown>;
  #closed: Promise<void> | undefined;
  #lastStatus: DeviceState | undefined;

  /**
   * Opens the device's spool, recovering it after a crash, and begins to send. Needs no gateway to be there.
   * @throws {DeviceError} `invalid-options`, `directory-in-use`, `unsupported-format`, `disk-full`, `disk-failed`.
   */
  static async open(options: DeviceOptions): Promise<Device> {
    const checked = checkOptions(options);
    const { host, port, id, username, password } = checked;
    return Device.openOn(checked, {
      disk: nodeDisk(),
      clock: await systemClock(checked.clockTrusted),
      connect: mqttConnect({ host, port, device: id, ...(password === undefined ? {} : { username, password }) }),
      random: Math.random,
      lock: lockDirectory,
    });
  }

  /** @internal Opens a device on a machine of the caller's making. */
  static async openOn(options: CheckedOptions, machine: Machine): Promise<Device> {
    const { id, spoolBytesMax, onFull, report } = options;
    const data = resolve(options.data);
    const { disk, clock, connect, random } = machine;
    const undo: (() => Promise<void>)[] = [];
    try {
      await disk.makeDirectory(data);
      const lock = await machine.lock(data);
      undo.push(() => lock.release());
      const log = await openLog({
        directory: join(data, "log"),
        disk,
        clock,
        report,
        // One journal, which is the shard's own: each record is written once.
        journals: 1,
        journalBytesMax: segmentBytes(spoolBytesMax),
        pendingBytesMax: 2 * WAITING_BYTES_MAX,
      });
      undo.push(() => log.close());
      const spool = await Spool.open({ log, device: id, clock, report, bytesMax: spoolBytesMax, onFull });
      const status = (): DeviceStatus => deviceStatus(spool.status());
      const uplink = new Uplink({
        device: id,
        topic: recordsTopic(id),
        source: spool,
        connect,
        clock,
        random,
        status,
        report,
      });
      return new Device(log, spool, uplink, () => lock.release());
    } catch (error) {
      for (const step of undo.toReversed()) await step();
      throw fromLogError(error);
    }
  }

  private constructor(log: Log, spool: Spool, uplink: Uplink, release: () => Promise<void>) {
    this.#log = log;
    this.#spool = spool;
    this.#uplink = uplink;
    this.#release = release;
    const { signal } = this.#running;
    this.#loops = Promise.all([uplink.run(signal), spool.watchClock(signal)]);
  }

  /**
   * Stores a record. Resolves only after its bytes are synced, so neither a crash nor a power cut loses it; it goes to
   * the gateway afterwards. Puts that run at the same time share their syncs.
   * @returns the record's sequence in this spool: rising in the order of the calls, with gaps.
   * @throws {DeviceError} `invalid-stream`, `invalid-partition-key`, `invalid-explicit-hash-key`, `invalid-data`,
   * `record-too-large`, `spool-full`, `overloaded`, `disk-full`, `disk-failed`, `closed`.
   */
  putRecord(record: RecordInput): Promise<{ readonly sequence: number }> {
    if (this.#closed !== undefined) return Promise.reject(new DeviceError("closed", "the device is closed"));
    return this.#spool.put(record);
  }

  /** How spool and uplink are; after {@link close}, how they were last. */
  status(): DeviceState {
    return this.#lastStatus ?? { ...this.#spool.status(), ...this.#uplink.state() };
  }

  /**
   * Resolves when the gateway has acknowledged every record put before this call (or `drop-oldest` has given it up).
   * @throws the signal's reason when it aborts; {@link DeviceError} `closed`.
   */
  async flushed(signal?: AbortSignal): Promise<void> {
    if (this.#closed !== undefined) throw new DeviceError("closed", "the device is closed");
    await this.#spool.flushed(this.#running.signal, signal);
  }

  /** Waits for puts under way, stops sending and frees the directory. What was not acknowledged is sent next time. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#running.abort(new DeviceError("closed", "the device is closed"));
    await this.#spool.settled();
    await this.#loops;
    this.#lastStatus = this.status();
    await this.#log.close();
    await this.#release();
  }
}

/** Segments are freed as a whole, so they are small beside the spool. */
function segmentBytes(spoolBytesMax: number): number {
  return Math.min(Math.max(spoolBytesMax / 16, 2 * 1024 * 1024), 16 * 1024 * 1024);
}

function deviceStatus({ records, bytes, bytesMax, oldestMs, dropped }: SpoolStatus): DeviceStatus {
  return { spoolRecords: records, spoolBytes: bytes, spoolBytesMax: bytesMax, oldestMs, dropped };
}
