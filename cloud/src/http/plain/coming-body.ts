import type { RequestMemory } from "../../request-memory.js";
import { type BodyLimits, clientGone, GatheredBody, type RequestBody } from "../gathered-body.js";

const NOTHING = Buffer.alloc(0);

/** The body of a plain call whose head came before all of it. */
export class ComingBody {
  #missingBytes: number;
  /** What came with the head, until somebody wants it. */
  #first: Buffer;
  /** While it comes, for whoever reads it. The connection knows this body until its answer is taken, and must hold nothing of it. */
  #gathered: GatheredBody | undefined;
  #isWanted = false;
  readonly #onWanted: () => void;

  /**
   * @param bytes its length.
   * @param first what came with the head.
   * @param onWanted called when somebody begins to read, or nobody ever will, so that more may come.
   */
  constructor(bytes: number, first: Buffer, onWanted: () => void) {
    this.#missingBytes = bytes - first.length;
    this.#first = first;
    this.#onWanted = onWanted;
  }

  /** Whether all of it has come, read or not. */
  get isWhole(): boolean {
    return this.#missingBytes === 0;
  }

  /** Whether more of it may come. Before, nobody has memory for it. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Takes what came since it was wanted; answers what came behind the body. */
  push(chunk: Buffer): Buffer | undefined {
    const own = chunk.length > this.#missingBytes ? chunk.subarray(0, this.#missingBytes) : chunk;
    this.#missingBytes -= own.length;
    this.#gathered?.push(own);
    if (this.isWhole) {
      this.#gathered?.end();
      this.#gathered = undefined;
    }
    return own === chunk ? undefined : chunk.subarray(own.length);
  }

  /** To be called once. @throws {CloudError} as {@link GatheredBody}. */
  read(limits: BodyLimits, memory: RequestMemory | undefined): Promise<RequestBody> {
    const announced = this.#first.length + this.#missingBytes;
    const gathered = new GatheredBody({ announced, limits, memory });
    this.#gathered = gathered;
    if (this.#first.length > 0) gathered.push(this.#first);
    this.#first = NOTHING;
    this.#isWanted = true;
    this.#onWanted();
    return gathered.whole;
  }

  /** Throws away what nobody has begun to read, and all that still comes. */
  discard(): void {
    this.#isWanted = true;
    this.#first = NOTHING;
    this.#onWanted();
  }

  /** The client has left. */
  fail(): void {
    this.#gathered?.fail(clientGone());
  }
}
