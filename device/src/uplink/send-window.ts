/** How much may be on its way to the gateway without its acknowledgement. */
export interface WindowLimits {
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly messagesMax: number;
}

export const defaultWindowLimits: WindowLimits = {
  bytesMin: 256 * 1024,
  bytesMax: 4 * 1024 * 1024,
  messagesMax: 64,
};

/** The window holds what the gateway commits in this time, so a gateway or link that slows down gets less at once. */
const WINDOW_MS = 500;
/** Goodput is taken over at least this much time with messages under way. */
const SAMPLE_MS = 100;
/** The newest sample's share in the measured goodput. */
const SAMPLE_WEIGHT = 0.3;

/**
 * The bound on unacknowledged messages, sized from measured goodput: half a second's worth, between its limits. Time
 * comes in from outside, in monotonic ms.
 */
export class SendWindow {
  readonly #limits: WindowLimits;
  #bytesLimit: number;
  #bytes = 0;
  #messages = 0;
  #busySinceMs = 0;
  #sampleMs = 0;
  #sampleBytes = 0;
  #bytesPerMs: number | undefined;

  constructor(limits: WindowLimits = defaultWindowLimits) {
    this.#limits = limits;
    this.#bytesLimit = limits.bytesMin;
  }

  get bytesLimit(): number {
    return this.#bytesLimit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): number {
    return this.#messages;
  }

  /** Whether a message may be sent now. One larger than the window goes alone. */
  hasRoom(bytes: number): boolean {
    if (this.#messages === 0) return true;
    return this.#messages < this.#limits.messagesMax && this.#bytes + bytes <= this.#bytesLimit;
  }

  sent(bytes: number, nowMs: number): void {
    // An idle link says nothing about goodput: only time with something to acknowledge counts.
    if (this.#messages === 0) this.#busySinceMs = nowMs;
    this.#bytes += bytes;
    this.#messages++;
  }

  acknowledged(bytes: number, nowMs: number): void {
    this.#bytes -= bytes;
    this.#messages--;
    this.#sampleBytes += bytes;
    this.#sampleMs += nowMs - this.#busySinceMs;
    this.#busySinceMs = nowMs;
    if (this.#sampleMs < SAMPLE_MS) return;
    const sample = this.#sampleBytes / this.#sampleMs;
    this.#bytesPerMs = this.#bytesPerMs === undefined ? sample : mixed(this.#bytesPerMs, sample);
    [this.#sampleMs, this.#sampleBytes] = [0, 0];
    const { bytesMin, bytesMax } = this.#limits;
    this.#bytesLimit = Math.round(Math.min(Math.max(this.#bytesPerMs * WINDOW_MS, bytesMin), bytesMax));
  }

  /** The connection is gone and with it what was under way; the next one starts small. */
  reset(): void {
    [this.#bytes, this.#messages, this.#bytesPerMs] = [0, 0, undefined];
    [this.#sampleMs, this.#sampleBytes] = [0, 0];
    this.#bytesLimit = this.#limits.bytesMin;
  }
}

function mixed(before: number, sample: number): number {
  return before * (1 - SAMPLE_WEIGHT) + sample * SAMPLE_WEIGHT;
}
