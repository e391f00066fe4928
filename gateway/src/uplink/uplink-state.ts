import { z } from "zod";
import { decodeEvent, encodeEvent, type Intent, type UplinkEvent } from "./uplink-event.js";

/** How far one stream is delivered. */
export interface Progress {
  /** Everything before this position of the stream's spool is delivered or put aside. */
  readonly released: number;
  /** What is, beyond it. */
  readonly done: ReadonlySet<number>;
}

const NO_PROGRESS: Progress = { released: 0, done: new Set() };

const whole = z.number().int().min(0);
const snapshotSchema = z.strictObject({
  v: z.literal(1),
  spoolId: z.string(),
  gatewayId: z.string(),
  nextRequest: whole,
  /** Name, released, then pairs of start and length of what is done beyond. */
  streams: z.array(z.tuple([z.string(), whole, z.array(whole)])),
  open: z.array(z.string()),
});

/**
 * What the uplink has promised and what it has heard: the sum of its events. After a restart the same events give the same
 * state. See docs/design/identity-and-order.md.
 */
export class UplinkState {
  /** Made with the spool: what tells it from one that was there before on this machine. */
  readonly spoolId: string;
  /** The gateway's id where none is configured. */
  readonly gatewayId: string;
  #nextRequest = 0;
  readonly #streams = new Map<string, { released: number; done: Set<number> }>();
  readonly #open = new Map<number, Intent>();

  constructor(identity: { readonly spoolId: string; readonly gatewayId: string }) {
    this.spoolId = identity.spoolId;
    this.gatewayId = identity.gatewayId;
  }

  progress(stream: string): Progress {
    return this.#streams.get(stream) ?? NO_PROGRESS;
  }

  /** Requests whose outcome is not known, oldest first. */
  openIntents(stream: string): Intent[] {
    return [...this.#open.values()].filter((intent) => intent.stream === stream);
  }

  /** A number that no request has had. */
  takeRequest(): number {
    return this.#nextRequest++;
  }

  /** Takes in an event that is on disk. */
  apply(event: UplinkEvent): void {
    if (event.type === "intent") {
      this.#open.set(event.request, event);
      this.#nextRequest = Math.max(this.#nextRequest, event.request + 1);
      return;
    }
    const intent = this.#open.get(event.request);
    if (intent === undefined) return;
    this.#open.delete(event.request);
    const stream = this.#stream(intent.stream);
    const undelivered = new Set(event.undelivered);
    for (const [i, position] of intent.positions.entries()) if (!undelivered.has(i)) stream.done.add(position);
    // Behind a slow shard many are done and none is released: they are looked through only when that changes.
    if (event.released <= stream.released) return;
    stream.released = event.released;
    for (const position of stream.done) if (position < stream.released) stream.done.delete(position);
  }

  /**
   * Takes in an event that was found on disk. An intent whose write failed may be found all the same; it was never sent,
   * and its records went into a later one.
   */
  replay(event: UplinkEvent): void {
    if (event.type === "intent") {
      const positions = new Set(event.positions);
      for (const open of this.openIntents(event.stream)) {
        if (open.positions.some((position) => positions.has(position))) this.#open.delete(open.request);
      }
    }
    this.apply(event);
  }

  encode(): Uint8Array {
    const snapshot: z.input<typeof snapshotSchema> = {
      v: 1,
      spoolId: this.spoolId,
      gatewayId: this.gatewayId,
      nextRequest: this.#nextRequest,
      streams: [...this.#streams].map(([name, { released, done }]) => [name, released, runsOf(done)]),
      open: [...this.#open.values()].map((intent) => encodeEvent(intent).toString("utf8")),
    };
    return Buffer.from(JSON.stringify(snapshot));
  }

  /** @throws {ZodError} or SyntaxError where {@link encode} did not write the bytes. */
  static decode(bytes: Uint8Array): UplinkState {
    const snapshot = snapshotSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    const state = new UplinkState(snapshot);
    for (const [name, released, runs] of snapshot.streams) {
      Object.assign(state.#stream(name), { released, done: positionsOf(runs) });
    }
    for (const text of snapshot.open) state.apply(decodeEvent(Buffer.from(text)));
    state.#nextRequest = Math.max(state.#nextRequest, snapshot.nextRequest);
    return state;
  }

  #stream(name: string): { released: number; done: Set<number> } {
    const stream = this.#streams.get(name) ?? { released: 0, done: new Set() };
    this.#streams.set(name, stream);
    return stream;
  }
}

function runsOf(positions: ReadonlySet<number>): number[] {
  const runs: number[] = [];
  let end = -1;
  for (const position of [...positions].sort((a, b) => a - b)) {
    if (position === end) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
    else runs.push(position, 1);
    end = position + 1;
  }
  return runs;
}

function positionsOf(runs: readonly number[]): Set<number> {
  const positions = new Set<number>();
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] ?? 0;
    for (let step = 0; step < (runs[i + 1] ?? 0); step++) positions.add(start + step);
  }
  return positions;
}
