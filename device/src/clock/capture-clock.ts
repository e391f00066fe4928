import type { Report } from "../report.js";
import type { Boot, SpoolState } from "../spool/spool-state.js";
import type { StateStore } from "../spool/state-store.js";
import { type Capture, type CaptureTime, captureTime, freeze, isStep, isUnfrozen, observe } from "./clock-era.js";
import { type ClockReading, type DeviceClock, readClocks } from "./device-clock.js";

/** How long records captured by an unsynchronised clock wait for it, once there is a gateway to send them to. */
export const HOLD_MS_MAX = 30_000;
/** How far ahead an unsynchronised clock's times are frozen, so that sending costs a sync a minute and not one each. */
const FREEZE_AHEAD_MS = 60_000;
const WATCH_EVERY_MS = 1_000;

/** Says when records were captured, and keeps to what it said once it was sent. See docs/design/clock.md. */
export class CaptureClock {
  readonly #clock: DeviceClock;
  readonly #store: StateStore;
  readonly #boot: Boot;
  readonly #report: Report;
  #holdUntilMs: number | undefined;
  #observing = 0;
  #observed: Promise<void> = Promise.resolve();

  /** @param boot the present one. */
  constructor(clock: DeviceClock, store: StateStore, boot: Boot, report: Report) {
    this.#clock = clock;
    this.#store = store;
    this.#boot = boot;
    this.#report = report;
  }

  /** Whether the present era is synchronised. */
  get synchronised(): boolean {
    return this.#store.current.eras.at(-1)?.synchronised ?? false;
  }

  /** The present moment, as a record stores it. */
  capture(): Capture {
    const monotonicMs = this.#clock.monotonicMs();
    // A step is seen with the first record after it, so that this record already counts by the new offset.
    const era = this.#store.current.eras.at(-1);
    if (era !== undefined && this.#observing === 0 && isStep(era, this.#clock.now() - monotonicMs)) {
      const { offsetMs } = readClocks(this.#clock);
      if (isStep(era, offsetMs)) void this.#observe({ monotonicMs, offsetMs });
    }
    return { boot: this.#boot.ordinal, monotonicMs };
  }

  /** Looks at the clock every second until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#observe(readClocks(this.#clock));
      await this.#clock.sleep(WATCH_EVERY_MS, signal);
    }
  }

  /**
   * The wall times of captures that are about to be sent. Where the clock is not synchronised, waits up to
   * {@link HOLD_MS_MAX} for it, then lets the times stand, durably. An entry is `undefined` where its boot is forgotten.
   */
  async timesToSend(captures: readonly Capture[], signal: AbortSignal): Promise<readonly (CaptureTime | undefined)[]> {
    while (!signal.aborted) {
      // What was captured during an observation may belong to the era that it is about to begin.
      while (this.#observing > 0) await this.#observed;
      const { eras } = this.#store.current;
      if (!captures.some((capture) => isUnfrozen(eras, this.#boot.ordinal, capture))) break;
      const nowMs = this.#clock.monotonicMs();
      this.#holdUntilMs ??= nowMs + HOLD_MS_MAX;
      if (nowMs < this.#holdUntilMs) {
        await this.#clock.sleep(Math.min(WATCH_EVERY_MS, this.#holdUntilMs - nowMs), signal);
      } else if (!(await this.#freeze(nowMs + FREEZE_AHEAD_MS))) break;
    }
    return captures.map((capture) => captureTime(this.#store.current.eras, capture));
  }

  async #freeze(toMonotonicMs: number): Promise<boolean> {
    try {
      await this.#store.update((state) => this.#withEras(state, freeze(state.eras, this.#boot.ordinal, toMonotonicMs)));
      return true;
    } catch (cause) {
      // Sending must go on: it is what makes room on a full disk. A resend after a restart may then say another time;
      // the gateway keeps the first.
      this.#report({ level: "warn", message: "capture times could not be made durable before sending", cause });
      return false;
    }
  }

  /** Takes in a reading. Nothing that is captured after the reading is dated before this has settled. */
  #observe(reading: ClockReading): Promise<void> {
    this.#observing++;
    this.#observed = this.#observed.then(() => this.#takeIn(reading));
    return this.#observed;
  }

  async #takeIn(reading: ClockReading): Promise<void> {
    try {
      const synchronised = await this.#clock.synchronised();
      await this.#store.update((state) => {
        const eras = observe(state.eras, this.#boot.ordinal, reading, synchronised);
        if (eras !== state.eras) this.#reportEra(state.eras.at(-1)?.offsetMs, reading, synchronised);
        return this.#withEras(state, eras);
      });
    } catch (cause) {
      // The next look at the clock tries again.
      this.#report({ level: "warn", message: "a change of the clock could not be stored", cause });
    } finally {
      this.#observing--;
    }
  }

  #reportEra(offsetBeforeMs: number | undefined, { offsetMs }: ClockReading, synchronised: boolean): void {
    const stepMs = offsetBeforeMs === undefined ? 0 : offsetMs - offsetBeforeMs;
    this.#report({ level: "info", message: "the clock changed", stepMs, synchronised });
  }

  #withEras(state: SpoolState, eras: SpoolState["eras"]): SpoolState {
    return eras === state.eras ? state : { ...state, eras, boot: this.#boot };
  }
}
