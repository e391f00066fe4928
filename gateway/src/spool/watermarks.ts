import { z } from "zod";

/** Where records of one order come from: one device's spool, one lane. The stream is the shard that holds them. */
export interface Lane {
  readonly device: string;
  readonly spoolId: string;
  readonly lane: number;
}

interface Watermark {
  /** Highest sequence whose sync returned; -1 before the first. */
  committed: number;
  /** Highest sequence handed to the log. */
  appended: number;
}

const snapshotSchema = z.strictObject({
  v: z.literal(1),
  lanes: z.array(z.tuple([z.string(), z.string(), z.number(), z.number()])),
});

/**
 * The highest sequence committed of each lane of one stream: what repeats are recognised by. Within a lane sequences rise
 * and may have gaps, so one number for each lane is enough.
 * See docs/design/identity-and-order.md, invariant 3.
 */
export class Watermarks {
  /** By {@link keyOf}, least recently used first. */
  readonly #lanes = new Map<string, Watermark>();
  readonly #lanesMax: number;
  readonly #forgotten: (count: number) => void;

  /** @param lanesMax beyond, the least recently used lane is forgotten and `forgotten` is told. */
  constructor(lanesMax: number, forgotten: (count: number) => void) {
    this.#lanesMax = lanesMax;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#lanes.size;
  }

  /** `new`: append it. `committed`: a repeat of what is safe. `pending`: a repeat of what is being synced. */
  judge(lane: Lane, sequence: number): "new" | "pending" | "committed" {
    const mark = this.#lanes.get(keyOf(lane));
    if (mark === undefined || sequence > mark.appended) return "new";
    return sequence <= mark.committed ? "committed" : "pending";
  }

  /** The sequence was handed to the log. */
  appending(lane: Lane, sequence: number): void {
    const mark = this.#touch(keyOf(lane));
    mark.appended = Math.max(mark.appended, sequence);
  }

  /** The sequence is on disk; after a restart, found there. */
  committed(lane: Lane, sequence: number): void {
    const mark = this.#touch(keyOf(lane));
    mark.committed = Math.max(mark.committed, sequence);
    mark.appended = Math.max(mark.appended, mark.committed);
  }

  /** Nothing is being synced any more: what was handed to the log beyond the committed has failed. */
  failed(lane: Lane): void {
    const key = keyOf(lane);
    const mark = this.#lanes.get(key);
    if (mark === undefined) return;
    mark.appended = mark.committed;
    if (mark.committed === -1) this.#lanes.delete(key);
  }

  encode(): Uint8Array {
    const lanes = [...this.#lanes].flatMap(([key, { committed }]) =>
      committed === -1 ? [] : [[...partsOf(key), committed] as const],
    );
    return Buffer.from(JSON.stringify({ v: 1, lanes }));
  }

  /** Takes over what {@link encode} gave. @throws {ZodError} or SyntaxError where it did not. */
  restore(bytes: Uint8Array): void {
    const { lanes } = snapshotSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    for (const [device, spoolId, lane, sequence] of lanes) this.committed({ device, spoolId, lane }, sequence);
  }

  #touch(key: string): Watermark {
    const mark = this.#lanes.get(key) ?? { committed: -1, appended: -1 };
    this.#lanes.delete(key);
    this.#lanes.set(key, mark);
    if (this.#lanes.size > this.#lanesMax) this.#forgetOldest();
    return mark;
  }

  #forgetOldest(): void {
    for (const [key, { committed, appended }] of this.#lanes) {
      // What is being synced is needed until it is done.
      if (committed !== appended) continue;
      this.#lanes.delete(key);
      this.#forgotten(1);
      return;
    }
  }
}

/** Neither id has a slash. */
function keyOf({ device, spoolId, lane }: Lane): string {
  return `${device}/${spoolId}/${lane}`;
}

function partsOf(key: string): [string, string, number] {
  const [device = "", spoolId = "", lane = ""] = key.split("/");
  return [device, spoolId, Number(lane)];
}
