import type { ClockReading } from "./device-clock.js";

/**
 * A stretch of one boot's monotonic time that one offset turns into wall time; it ends where the boot's next begins.
 * Eras lie in the spool's state in order of (boot, fromMonotonicMs). See docs/design/clock.md.
 */
export interface ClockEra {
  /** The spool's count of boots. */
  readonly boot: number;
  readonly fromMonotonicMs: number;
  /** Wall time minus monotonic time. */
  readonly offsetMs: number;
  readonly synchronised: boolean;
  /**
   * Records captured before this may have been sent, so their time stands. Meaningful while unsynchronised only: a
   * synchronised era stands as a whole.
   */
  readonly frozenToMonotonicMs: number;
}

export interface CaptureTime {
  readonly captureMs: number;
  readonly clockUnsynchronised: boolean;
}

/** When a record was captured, by the count of boots and the monotonic clock. */
export interface Capture {
  readonly boot: number;
  readonly monotonicMs: number;
}

/** A step smaller than this leaves capture times as they are; the clock's slewing moves both clocks alike. */
export const STEP_MS = 100;
/** The oldest eras beyond this are forgotten; their records take the time at which they reached the spool. */
export const ERAS_MAX = 1024;
const CAPTURE_MS_MAX = 8.64e15;

/**
 * Takes in what the clock shows now; answers `eras` itself where nothing changes. An unsynchronised era is dated anew
 * as far as nothing of it can have been sent; a synchronised one stands, and a step begins the next.
 */
export function observe(
  eras: readonly ClockEra[],
  boot: number,
  { monotonicMs, offsetMs }: ClockReading,
  synchronised: boolean,
): readonly ClockEra[] {
  const last = eras.at(-1);
  if (last?.boot !== boot) return capped([...eras, era(boot, 0, offsetMs, synchronised)]);
  if (!isStep(last, offsetMs) && (last.synchronised || !synchronised)) return eras;
  const from = last.synchronised ? monotonicMs : Math.min(last.frozenToMonotonicMs, monotonicMs);
  const kept = from > last.fromMonotonicMs ? eras : eras.slice(0, -1);
  return capped([...kept, era(boot, from, offsetMs, synchronised)]);
}

export function isStep(era: ClockEra, offsetMs: number): boolean {
  return Math.abs(offsetMs - era.offsetMs) > STEP_MS;
}

/** Whether sending this record first needs {@link freeze}: its time could still be corrected. */
export function isUnfrozen(eras: readonly ClockEra[], boot: number, capture: Capture): boolean {
  const last = eras.at(-1);
  if (last === undefined || last.boot !== boot || capture.boot !== boot || last.synchronised) return false;
  return capture.monotonicMs >= last.frozenToMonotonicMs;
}

/** Lets the times of everything captured before `toMonotonicMs` stand, so that it can be sent. */
export function freeze(eras: readonly ClockEra[], boot: number, toMonotonicMs: number): readonly ClockEra[] {
  const last = eras.at(-1);
  if (last?.boot !== boot || last.synchronised || last.frozenToMonotonicMs >= toMonotonicMs) return eras;
  return [...eras.slice(0, -1), { ...last, frozenToMonotonicMs: toMonotonicMs }];
}

/** The wall time of a capture; `undefined` where its boot's eras are forgotten. */
export function captureTime(eras: readonly ClockEra[], capture: Capture): CaptureTime | undefined {
  const era = eras.findLast(({ boot, fromMonotonicMs }) => {
    return boot === capture.boot && fromMonotonicMs <= capture.monotonicMs;
  });
  if (era === undefined) return undefined;
  const captureMs = Math.min(Math.max(era.offsetMs + capture.monotonicMs, 0), CAPTURE_MS_MAX);
  return { captureMs, clockUnsynchronised: !era.synchronised };
}

/** Forgets the eras before the one of the oldest record in the spool. */
export function forgetBefore(eras: readonly ClockEra[], oldest: Capture): readonly ClockEra[] {
  const at = eras.findLastIndex(({ boot, fromMonotonicMs }) => {
    return boot < oldest.boot || (boot === oldest.boot && fromMonotonicMs <= oldest.monotonicMs);
  });
  return at > 0 ? eras.slice(at) : eras;
}

function era(boot: number, fromMonotonicMs: number, offsetMs: number, synchronised: boolean): ClockEra {
  return { boot, fromMonotonicMs, offsetMs, synchronised, frozenToMonotonicMs: fromMonotonicMs };
}

function capped(eras: readonly ClockEra[]): readonly ClockEra[] {
  return eras.length > ERAS_MAX ? eras.slice(-ERAS_MAX) : eras;
}
