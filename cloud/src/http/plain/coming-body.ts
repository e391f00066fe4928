import type { RequestMemory } from "../../request-memory.js";
import { type BodyLimits, clientGone, GatheredBody, type RequestBody } from "../gathered-body.js";

const NOTHING = Buffer.alloc(0);

/** The body of a plain call whose head came before all of it. */
export class ComingBody {
  #missingBytes: number;
  /** What came before anybody wanted it. */
  #early: Buffer;
  #gathered: GatheredBody | undefined;
  #isDiscarded = false;
  readonly #onWanted: () => void;

  /**
   * @param bytes its length.
   * @param first what came with the head.
   * @param onWanted called when somebody begins to read, or nobody ever will, so that more may come.
   */
  constructor(bytes: number, first: Buffer, onWanted: () => void) {
    this.#missingBytes = bytes - first.length;
    this.#early = first;
    this.#onWanted = onWanted;
  }

  /** Whether all of it has come, read or not. */
  get isWhole(): boolean {
    return this.#missingBytes === 0;
  }

  /** Whether more of it may come: what does before is kept, outside of any budget. */
  get isWanted(): boolean {
    return this.#isDiscarded || this.#gathered !== undefined;
  }

  /** Takes what came; answers what came behind the body. */
  push(chunk: Buffer): Buffer | undefined {
    const own = chunk.length > this.#missingBytes ? chunk.subarray(0, this.#missingBytes) : chunk;
    this.#missingBytes -= own.length;
    if (this.#gathered !== undefined) {
      this.#gathered.push(own);
      if (this.isWhole) this.#gathered.end();
    } else if (!this.#isDiscarded) this.#early = Buffer.concat([this.#early, own]);
    return own === chunk ? undefined : chunk.subarray(own.length);
  }

  /** To be called once. @throws {CloudError} as {@link GatheredBody}. */
  read(limits: BodyLimits, memory: RequestMemory | undefined): Promise<RequestBody> {
    const announced = this.#early.length + this.#missingBytes;
    const gathered = new GatheredBody({ announced, limits, memory });
    this.#gathered = gathered;
    if (this.#early.length > 0) gathered.push(this.#early);
    this.#early = NOTHING;
    if (this.isWhole) gathered.end();
    this.#onWanted();
    return gathered.whole;
  }

  /** Throws away what nobody has begun to read, and all that still comes. */
  discard(): void {
    this.#isDiscarded = true;
    this.#early = NOTHING;
    this.#onWanted();
  }

  /** The client has left. */
  fail(): void {
    this.#gathered?.fail(clientGone());
  }
}
