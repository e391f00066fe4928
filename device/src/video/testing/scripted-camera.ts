import type { MatroskaTrack } from "@headwater/protocol/matroska";
import { Condition } from "../../condition.js";
import { type CapturedFrame, CaptureError, type CaptureEvent, type CaptureSource } from "../capture/capture-source.js";

/** H.265, whose frames nobody looks into: theirs may be any bytes. */
export const scriptedTrack: MatroskaTrack = {
  number: 1,
  type: "video",
  codecId: "V_MPEGH/ISO/HEVC",
  codecPrivate: Buffer.from("hvcC"),
  language: "und",
};

/** A camera that sends what a test says. */
export class ScriptedCamera implements CaptureSource {
  readonly name = "scripted";
  captures = 0;
  #frames: CapturedFrame[] = [];
  #failure: Error | undefined;
  #isIdle = false;
  readonly #changed = new Condition();

  async *capture(signal: AbortSignal): AsyncGenerator<CaptureEvent, void, void> {
    this.captures++;
    yield { kind: "init", tracks: [scriptedTrack] };
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) yield frame;
      else if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#failure = undefined;
        throw failure;
      } else {
        this.#isIdle = true;
        await this.#changed.wait(signal);
        this.#isIdle = false;
        if (signal.aborted) return;
      }
    }
  }

  /** A frame on the capture's time line. */
  send(timecodeMs: number, isKey: boolean, data: Uint8Array): void {
    this.#frames.push({ kind: "frame", track: 1, isKey, timecodeMs, data: Buffer.from(data) });
    this.#changed.notify();
  }

  /** The capture ends, behind what was sent. */
  fail(failure: Error = new CaptureError("ended", "the script says so")): void {
    this.#failure = failure;
    this.#changed.notify();
  }

  /** All that was sent was taken, and a capture waits for more. */
  get isIdle(): boolean {
    return this.#isIdle && this.#frames.length === 0 && this.#failure === undefined;
  }
}
