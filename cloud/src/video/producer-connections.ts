import type { PutMediaFault } from "./put-media/put-media-fault.js";
import { VideoError } from "./video-error.js";

/** AWS allows one, but its SDK opens the next before the last ends, and a broken connection may look open for a while. */
const CONNECTIONS_MAX = 5;
/** A connection that has been silent for so long gives way to a new one. */
const SILENT_MS = 10_000;

export interface ProducerConnection {
  /** How long nothing has come. */
  readonly silenceMs: number;
  /** Drops the connection at once. */
  cut(): void;
  /** Ends it with an error that the producer hears. */
  fail(fault: PutMediaFault): void;
}

/** The PutMedia connections of one stream. */
export class ProducerConnections {
  readonly #open = new Set<ProducerConnection>();

  get size(): number {
    return this.#open.size;
  }

  get all(): readonly ProducerConnection[] {
    return [...this.#open];
  }

  /**
   * Counts a connection in, and cuts the most silent one if there are too many. Answers how to count it out.
   * @throws {VideoError} `connections-exceeded` where all of them are in use.
   */
  enter(connection: ProducerConnection): () => void {
    if (this.#open.size >= CONNECTIONS_MAX) {
      const [mostSilent] = this.all.toSorted((a, b) => b.silenceMs - a.silenceMs);
      if (mostSilent === undefined || mostSilent.silenceMs < SILENT_MS) {
        throw new VideoError("connections-exceeded", `The stream has ${CONNECTIONS_MAX} PutMedia connections already.`);
      }
      mostSilent.cut();
    }
    this.#open.add(connection);
    return () => this.#open.delete(connection);
  }
}
