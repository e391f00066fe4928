import type { FrameSlice } from "@headwater/protocol";
import type { WrittenFrame } from "@headwater/protocol/matroska";

/** Makes whole frames of the slices of one fragment's pieces. */
export class FrameAssembler {
  #slices: FrameSlice[] = [];
  #bytes = 0;
  #cut = 0;

  /** Frames whose end never came, or whose beginning is missing. */
  get cut(): number {
    return this.#cut + (this.#slices.length > 0 ? 1 : 0);
  }

  /** Takes the next slice. @returns the frame that is complete with it. */
  add(slice: FrameSlice): WrittenFrame | undefined {
    const [first] = this.#slices;
    if (first !== undefined && (slice.offset !== this.#bytes || slice.frameBytes !== first.frameBytes)) {
      this.#cut++;
      this.#reset();
    }
    // What goes on with a frame of which the beginning was cut off is counted with that.
    if (slice.offset !== this.#bytes) return undefined;
    this.#slices.push(slice);
    this.#bytes += slice.data.length;
    if (this.#bytes < slice.frameBytes) return undefined;
    const { track, isKey, timeMs } = this.#slices[0] ?? slice;
    const parts = this.#slices.map(({ data }) => data);
    this.#reset();
    const data = parts.length === 1 ? slice.data : Buffer.concat(parts);
    return { track, relativeTimecode: timeMs, isKey, data };
  }

  #reset(): void {
    this.#slices = [];
    this.#bytes = 0;
  }
}
