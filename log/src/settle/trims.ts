import { diskError } from "../files/disk-error.js";
import type { Context } from "../journal/context.js";
import type { DamageLog } from "../shard/damage-log.js";
import { readState } from "../shard/read-state.js";
import type { Shard } from "../shard/shard.js";
import { unhurried } from "../unhurried.js";
import { unusedSegments } from "./release.js";
import type { Settler } from "./settler.js";

/**
 * A trim that frees nothing is written down so much later, and one that could not be is tried again: until then a crash
 * may bring back what it forgot.
 */
const delayMs = 10_000;
/** A segment that only a state keeps is worth moving the state for if it has more than this beside it. */
const stateSlackBytesMax = 256 * 1024;

/** Puts the state that a shard has once more, as one that covers the frames before the position. */
type PutAgain = (shard: Shard, state: { readonly position: number; readonly state: Uint8Array }) => Promise<void>;

/** Follows trims up: writes them down, deletes the segments that nobody needs any more. docs/design/log.md, "Trim". */
export class Trims {
  readonly #context: Context;
  readonly #settler: Settler;
  readonly #damage: DamageLog;
  readonly #putAgain: PutAgain;
  /** Whose trims are to be followed up. */
  readonly #shards = new Set<Shard>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosing = false;

  constructor(context: Context, settler: Settler, damage: DamageLog, putAgain: PutAgain) {
    this.#context = context;
    this.#settler = settler;
    this.#damage = damage;
    this.#putAgain = putAgain;
  }

  /** Takes a shard that was trimmed. */
  add(shard: Shard): void {
    this.#shards.add(shard);
    if (hasUnneededSegment(shard)) this.#run();
    else this.#later();
  }

  /** Takes those of the shards that a crash kept from being freed. */
  addLeft(shards: Iterable<Shard>): void {
    for (const shard of shards) if (hasUnneededSegment(shard)) this.add(shard);
  }

  /** Ends what is under way; the rest is the next start's. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #later(): void {
    if (!this.#isClosing) this.#timer ??= setTimeout(() => this.#run(), delayMs).unref();
  }

  #run(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shards.size === 0 || this.#isClosing) return;
    this.#running ??= (async () => {
      const again = new Set<Shard>();
      while (this.#shards.size > 0 && !this.#isClosing) {
        const shards = [...this.#shards];
        this.#shards.clear();
        for (const shard of await this.#settler.release(shards)) again.add(shard);
        for await (const shard of unhurried(shards)) {
          if (!(await this.#moveState(shard))) again.add(shard);
          // The owner may have put a new state after the segments were looked at.
          else if (!again.has(shard) && unusedSegments(shard).length > 0) this.#shards.add(shard);
        }
      }
      this.#running = undefined;
      for (const shard of again) this.#shards.add(shard);
      if (again.size > 0) this.#later();
    })();
  }

  /** Where only its state keeps a segment, the state is written anew and the segment goes. Answers false if not yet. */
  async #moveState(shard: Shard): Promise<boolean> {
    const old = shard.state;
    if (this.#isClosing || shard.deleted || old === undefined || !old.file.isSegment) return true;
    if (old.file.bytes - old.bytes <= stateSlackBytesMax || shard.parts.some(({ file }) => file === old.file))
      return true;
    try {
      const kept = await readState(shard, this.#context.handles, this.#damage);
      if (kept === undefined) return true; // it is damaged
      // The owner is putting a new one, and a copy of the old must not come behind it. That may fail.
      if (shard.statesPending > 0 || shard.state !== old) return false;
      await this.#putAgain(shard, kept);
      this.#shards.add(shard);
      return true;
    } catch (error) {
      const cause = diskError(error, "move state").message;
      if (!this.#isClosing)
        this.#context.report({ level: "warn", message: "state not moved", shard: shard.name, error: cause });
      return false;
    }
  }
}

function hasUnneededSegment({ parts: [oldest], trimmed }: Shard): boolean {
  return oldest !== undefined && oldest.file.isSegment && oldest.next <= trimmed;
}
