import type { Log } from "@headwater/log";
import { decodePiece, type VideoPiece } from "@headwater/protocol";
import type { FragmentQueue, QueuedFragment } from "./fragment-queue.js";

export interface ReadPiece {
  readonly piece: VideoPiece;
  /** As the device sent it. */
  readonly bytes: Buffer;
}

/** Small: what waits behind one piece is not needed while that is being sent. */
const READ_LIMITS = { frames: 8, bytes: 512 * 1024 };

/** Another fragment's pieces wait behind one that does not go on. */
export class FragmentStalled extends Error {
  override readonly name = "FragmentStalled";
}

/** Reads one fragment's pieces from the shard, in order, as they come. */
export class FragmentReader {
  readonly #log: Log;
  readonly #shard: string;
  readonly #queue: FragmentQueue;
  readonly #clock: { now(): number };

  constructor(log: Log, shard: string, queue: FragmentQueue, clock: { now(): number }) {
    this.#log = log;
    this.#shard = shard;
    this.#queue = queue;
    this.#clock = clock;
  }

  /**
   * Ends after the last piece; sooner where the disk lost one.
   * @throws {FragmentStalled}, LogError, or the signal's reason.
   */
  async *read(fragment: QueuedFragment, signal: AbortSignal): AsyncGenerator<ReadPiece, void, void> {
    let position = fragment.firstPosition;
    for (let index = 0; ;) {
      while (index >= fragment.pieces) {
        if (fragment.isComplete) return;
        if (this.#queue.isStalled(fragment, this.#clock.now()))
          throw new FragmentStalled("the fragment does not go on");
        await this.#queue.changed.wait(signal);
      }
      signal.throwIfAborted();
      const { frames, next } = await this.#log.read(this.#shard, position, READ_LIMITS);
      for (const { origin, data } of frames) {
        const { device, spoolId, lane, fragment: number } = fragment.id;
        if (origin?.producer !== device || origin.spoolId !== spoolId || origin.entry !== lane) continue;
        const piece = decodePiece(data);
        if (piece.fragment !== number || piece.index !== index) continue;
        index++;
        yield { piece, bytes: data };
      }
      position = next;
      if (position > fragment.lastPosition && index < fragment.pieces) return;
    }
  }
}
