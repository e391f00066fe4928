/** What a machine shows of how its wall clock is kept. */
export interface ClockEvidence {
  readonly wallMs: number;
  /** The operator vouches for the clock: chrony, PTP, GPS. */
  readonly trusted: boolean;
  /** systemd-timesyncd: `undefined` where it does not run, otherwise whether it has reached a server since boot. */
  readonly timesyncd: boolean | undefined;
  /** The hardware clock, in ms since 1970; `undefined` where there is none or it cannot be read. */
  readonly hardwareClockMs: number | undefined;
  /** Described by a device tree, as single-board computers are; these often have no battery behind their clock. */
  readonly deviceTree: boolean;
}

/** No clock is right before this was written. */
const EARLIEST_MS = Date.UTC(2026, 10, 1);
/** The hardware clock counts whole seconds and may be a little off. */
const HARDWARE_CLOCK_APART_MS_MAX = 5_000;

/**
 * Judges whether the wall clock can be believed. The kernel's own flag (adjtimex) cannot be read from Node, so this
 * goes by what can: the first line that knows something decides. See docs/design/clock.md.
 */
export function isSynchronised(evidence: ClockEvidence): boolean {
  if (evidence.trusted) return true;
  if (evidence.wallMs < EARLIEST_MS) return false;
  if (evidence.timesyncd !== undefined) return evidence.timesyncd;
  if (evidence.hardwareClockMs !== undefined) {
    return Math.abs(evidence.wallMs - evidence.hardwareClockMs) <= HARDWARE_CLOCK_APART_MS_MAX;
  }
  // Without a hardware clock of its own, a container or virtual machine has its host's time; a small board has none.
  return !evidence.deviceTree;
}
