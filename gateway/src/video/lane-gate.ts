import { Changed } from "../uplink/changed.js";

/** Lets backfill on only while the network takes all that is live. */
export class LaneGate {
  readonly #changed = new Changed();
  #isLiveBusy = false;

  /** Whether live bytes wait for the network. */
  setLiveBusy(isBusy: boolean): void {
    this.#isLiveBusy = isBusy;
    if (!isBusy) this.#changed.notify();
  }

  /** Resolves once no live bytes wait. @throws the signal's reason once it is aborted. */
  async liveIdle(signal: AbortSignal): Promise<void> {
    while (this.#isLiveBusy) await this.#changed.wait(signal);
  }
}
