/** What the device needs of time. The real one is {@link systemClock}; tests turn a clock by hand. */
export interface DeviceClock {
  /** Wall time: milliseconds since 1970. May step, and may be wrong until it is synchronised. */
  now(): number;
  /** Milliseconds since the machine's boot (Linux: CLOCK_MONOTONIC). Never steps; stands still while suspended. */
  monotonicMs(): number;
  /** Differs from boot to boot, and is the same for every process of one boot. */
  readonly bootId: string;
  /** Whether the wall clock can be believed now. Never rejects. */
  synchronised(): Promise<boolean>;
  /** Resolves after `ms`, or at once when the signal aborts: whoever waits looks at the signal. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Wall time minus monotonic time, and the monotonic moment at which that held. */
export interface ClockReading {
  readonly monotonicMs: number;
  readonly offsetMs: number;
}

/** The longest pause between reading both clocks that still makes a reading. */
const PAUSE_MS_MAX = 5;

/** Reads both clocks as one: a process that was paused between them would see a step that never was. */
export function readClocks(clock: DeviceClock): ClockReading {
  for (let attempt = 0; ; attempt++) {
    const before = clock.monotonicMs();
    const wall = clock.now();
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs - before <= PAUSE_MS_MAX || attempt === 10) return { monotonicMs, offsetMs: wall - monotonicMs };
  }
}
