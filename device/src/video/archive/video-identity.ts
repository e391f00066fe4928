import type { Log } from "@headwater/log";
import { CaptureClock } from "../../clock/capture-clock.js";
import { type Capture, captureTime, observe } from "../../clock/clock-era.js";
import { type DeviceClock, readClocks } from "../../clock/device-clock.js";
import type { Report } from "../../report.js";
import { decodeSpoolState, newSpoolState, type SpoolState } from "../../spool/spool-state.js";
import { StateStore } from "../../spool/state-store.js";

const SHARD = "video";
/** A start skips up to this many; five pieces a second take 58 hours for them. */
const SEQUENCES_PER_RESERVATION = 2 ** 20;

/**
 * What the archives of all cameras share: the spool id, the sequences of their pieces, and the clock that dates them. It
 * lies beside them as a state of the same form as the records' spool has.
 */
export class VideoIdentity {
  readonly captureClock: CaptureClock;
  readonly boot: number;
  readonly #store: StateStore;
  readonly #clock: DeviceClock;
  #nextSequence: number;

  /** @throws {LogError} `disk-full`, `disk-failed`. {@link DeviceError} `unsupported-format`. */
  static async open(log: Log, clock: DeviceClock, report: Report): Promise<VideoIdentity> {
    if (!log.shards().includes(SHARD)) await log.createShards([SHARD]);
    const store = new StateStore(log, SHARD, await readState(log, report));
    const { current } = store;
    const ordinal = current.boot.id === clock.bootId ? current.boot.ordinal : current.boot.ordinal + 1;
    const boot = { ordinal, id: clock.bootId };
    const reading = readClocks(clock);
    const synchronised = await clock.synchronised();
    await store.update((state) => ({
      ...state,
      boot,
      sequencesReservedTo: state.sequencesReservedTo + SEQUENCES_PER_RESERVATION,
      eras: observe(state.eras, ordinal, reading, synchronised),
    }));
    return new VideoIdentity(store, clock, ordinal, new CaptureClock(clock, store, boot, report));
  }

  private constructor(store: StateStore, clock: DeviceClock, boot: number, captureClock: CaptureClock) {
    this.#store = store;
    this.#clock = clock;
    this.boot = boot;
    this.captureClock = captureClock;
    this.#nextSequence = store.current.sequencesReservedTo - SEQUENCES_PER_RESERVATION;
  }

  get spoolId(): string {
    return this.#store.current.spoolId;
  }

  /** How long ago something was captured; `undefined` where a clock that was not synchronised stands between. */
  ageMs(capture: Capture): number | undefined {
    if (capture.boot === this.boot) return this.#clock.monotonicMs() - capture.monotonicMs;
    const time = captureTime(this.#store.current.eras, capture);
    if (time === undefined || time.clockUnsynchronised || !this.captureClock.synchronised) return undefined;
    return this.#clock.now() - time.captureMs;
  }

  /**
   * The first of `count` sequences that were never given before.
   * @throws {LogError} where new ones could not be reserved.
   */
  async take(count: number): Promise<number> {
    while (this.#nextSequence + count > this.#store.current.sequencesReservedTo) {
      await this.#store.update((state) => ({
        ...state,
        sequencesReservedTo: state.sequencesReservedTo + SEQUENCES_PER_RESERVATION,
      }));
    }
    const first = this.#nextSequence;
    this.#nextSequence += count;
    return first;
  }
}

async function readState(log: Log, report: Report): Promise<SpoolState> {
  const stored = await log.getState(SHARD);
  if (stored === undefined) return newSpoolState(0);
  const state = decodeSpoolState(stored.state);
  // An older state could give sequences again, and the gateway would take new pieces for repeats.
  if (state !== undefined && !log.damage().some(({ kind }) => kind === "damaged")) return state;
  report({ level: "error", message: "the video archive was damaged and begins a new identity" });
  return { ...newSpoolState(state?.boot.ordinal ?? 0), eras: state?.eras ?? [] };
}
