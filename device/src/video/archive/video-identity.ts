import type { Log } from "@headwater/log";
import { CaptureClock } from "../../clock/capture-clock.js";
import { type Capture, captureTime, observe } from "../../clock/clock-era.js";
import { type DeviceClock, readClocks } from "../../clock/device-clock.js";
import type { Report } from "../../report.js";
import { type Boot, decodeSpoolState, newSpoolState, type SpoolState } from "../../spool/spool-state.js";
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
  readonly #boot: Boot;
  readonly #store: StateStore;
  readonly #clock: DeviceClock;
  #nextSequence: number;

  /**
   * A full disk is no reason to fail where there is a video log: what it holds is sent, and new pieces are lost until
   * their sequences can be reserved.
   * @throws {LogError} `disk-full`, `disk-failed`, where there is none. {@link DeviceError} `unsupported-format`.
   */
  static async open(log: Log, clock: DeviceClock, report: Report): Promise<VideoIdentity> {
    if (!log.shards().includes(SHARD)) await log.createShards([SHARD]);
    const store = new StateStore(log, SHARD, await readState(log, report));
    const { current } = store;
    const ordinal = current.boot.id === clock.bootId ? current.boot.ordinal : current.boot.ordinal + 1;
    const boot = { ordinal, id: clock.bootId };
    const identity = new VideoIdentity(store, clock, boot, new CaptureClock(clock, store, boot, report));
    const reading = readClocks(clock);
    const synchronised = await clock.synchronised();
    try {
      await store.update((state) => ({
        ...identity.#reserved(state),
        eras: observe(state.eras, ordinal, reading, synchronised),
      }));
    } catch (cause) {
      report({ level: "error", message: "video is lost before the disk takes the video log's state", cause });
    }
    return identity;
  }

  private constructor(store: StateStore, clock: DeviceClock, boot: Boot, captureClock: CaptureClock) {
    this.#store = store;
    this.#clock = clock;
    this.#boot = boot;
    this.captureClock = captureClock;
    this.#nextSequence = store.current.sequencesReservedTo;
  }

  /** The present boot's ordinal. */
  get boot(): number {
    return this.#boot.ordinal;
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
      await this.#store.update((state) => this.#reserved(state));
    }
    const first = this.#nextSequence;
    this.#nextSequence += count;
    return first;
  }

  #reserved(state: SpoolState): SpoolState {
    const sequencesReservedTo = state.sequencesReservedTo + SEQUENCES_PER_RESERVATION;
    return { ...state, sequencesReservedTo, boot: this.#boot };
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
