import { Counts } from "../counts.js";
import type { Report } from "../report.js";
import { DeviceError } from "../sdk/device-error.js";
import type { RecordInput } from "../spool/record-input.js";
import type { HostReading } from "./host-reading.js";

export interface HostSensorOptions {
  readonly stream: string;
  readonly partitionKey: string;
  /** Wall time: milliseconds since 1970. */
  readonly now: () => number;
  readonly read: () => Promise<HostReading>;
  readonly put: (record: RecordInput) => Promise<unknown>;
  readonly report: Report;
}

/** Readings that may wait for the disk. */
const PUTS_MAX = 8;

/**
 * Puts a reading of the host into a stream at every tick. A tick that finds the host still being read, or too many
 * readings waiting for the disk, is skipped and counted, so nothing piles up behind a disk that hangs.
 */
export class HostSensor {
  readonly #options: HostSensorOptions;
  readonly #skipped = new Counts<string>();
  #isReading = false;
  #puts = 0;
  #lastFailure: string | undefined;

  constructor(options: HostSensorOptions) {
    this.#options = options;
  }

  /** Ticks without a record, by cause: `reading`, `puts-waiting`, or the error code of the put. */
  get skipped(): Readonly<Record<string, number>> {
    return this.#skipped.toObject();
  }

  /** Reads and puts once; never rejects for what the disk or the spool refuse. */
  async tick(): Promise<void> {
    if (this.#isReading) return this.#skipped.add("reading");
    if (this.#puts >= PUTS_MAX) return this.#skipped.add("puts-waiting");
    const { now, partitionKey, put, read, stream } = this.#options;
    this.#isReading = true;
    let reading: HostReading;
    try {
      reading = await read();
    } finally {
      this.#isReading = false;
    }
    const data = JSON.stringify({ time: new Date(now()).toISOString(), ...reading });
    this.#puts++;
    try {
      await put({ stream, partitionKey, data });
      this.#lastFailure = undefined;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#skipped.add(error.code);
      this.#reportOnce(error);
    } finally {
      this.#puts--;
    }
  }

  #reportOnce(error: DeviceError): void {
    if (error.code !== this.#lastFailure) {
      this.#options.report({ level: "warn", message: `readings are lost: ${error.message}`, code: error.code });
    }
    this.#lastFailure = error.code;
  }
}
