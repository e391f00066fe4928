import { LogError, type Log } from "../api.js";
import { appendPacked } from "./packed.js";

/** What one shard was told and what it answered. */
class ShardHistory {
  /** By position: what was acknowledged, or has been read after a start and so must stay. */
  readonly kept = new Map<number, string>();
  /** Appends that were never answered, or failed: may be there after a crash. */
  readonly doubtful = new Set<string>();
  next = 0;
  trimmed = 0;
  state: string | undefined;
  readonly doubtfulStates = new Set<string | undefined>();
}

/** Uses a log as its owners do, remembers all that it answered, and checks that it still knows. */
export class History {
  readonly shards = new Map<string, ShardHistory>();
  readonly #random: () => number;
  #counter = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Makes the shards that are missing. */
  async createShards(log: Log, names: readonly string[]): Promise<void> {
    for (const name of names) if (!this.shards.has(name)) this.shards.set(name, new ShardHistory());
    await log.createShards(names);
  }

  /** Appends to a shard what nobody has appended before. Answers what the log threw, if it did. */
  async append(log: Log, name: string, frames: number, bytesMax: number, bytesMin = 0): Promise<unknown> {
    const shard = this.#shard(name);
    const payloads = Array.from({ length: frames }, () => {
      const text = `${name}#${this.#counter++}#`;
      return text.padEnd(bytesMin + Math.floor(this.#random() * (bytesMax - bytesMin)), "x");
    });
    for (const payload of payloads) shard.doubtful.add(payload);
    try {
      const given = payloads.map((payload) => Buffer.from(payload));
      const { position } = await (this.#random() < 0.5
        ? appendPacked(log, name, given)
        : log.append(
            name,
            given.map((data) => ({ data })),
          ));
      payloads.forEach((payload, i) => this.#keep(shard, position + i, payload));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async putState(log: Log, name: string): Promise<unknown> {
    const shard = this.#shard(name);
    const state = `state#${this.#counter++}`;
    shard.doubtfulStates.add(state);
    try {
      await log.putState(name, Buffer.from(state));
      shard.state = state;
      shard.doubtfulStates.clear();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async trim(log: Log, name: string): Promise<void> {
    const shard = this.#shard(name);
    const all = this.#random() < 0.3;
    const position = all ? shard.next : Math.floor(this.#random() * shard.next);
    shard.trimmed = Math.max(shard.trimmed, position);
    await log.trimBefore(name, position);
  }

  /**
   * Reads everything, and throws where something acknowledged is missing, changed, doubled or out of order.
   * @param lost positions that are allowed to be missing.
   */
  async check(log: Log, lost: (name: string, position: number) => boolean = () => false): Promise<void> {
    for (const [name, shard] of this.shards) {
      const read = await readAll(log, name);
      let before = -1;
      for (const { position, text } of read) {
        if (position <= before) throw new Error(`${name}: ${position} comes after ${before}`);
        before = position;
        const kept = shard.kept.get(position);
        if (kept !== undefined && kept !== text) throw new Error(`${name}: ${position} was ${kept}, is ${text}`);
        if (kept === undefined && !shard.doubtful.has(text))
          throw new Error(`${name}: ${position} is unknown: ${text}`);
        this.#keep(shard, position, text);
      }
      const found = new Set(read.map(({ position }) => position));
      for (const position of shard.kept.keys())
        if (position >= shard.trimmed && !found.has(position) && !lost(name, position))
          throw new Error(`${name}: ${position} of ${shard.next} is lost`);
      const { next } = log.bounds(name);
      if (next < shard.next) throw new Error(`${name}: would give ${next} again, ${shard.next - 1} was given`);
      await this.#checkState(log, name, shard, lost);
    }
  }

  async #checkState(log: Log, name: string, shard: ShardHistory, lost: (name: string, position: number) => boolean) {
    const state = (await log.getState(name))?.state;
    const text = state === undefined ? undefined : Buffer.from(state).toString();
    if (text === shard.state || lost(name, -1)) return;
    if (!shard.doubtfulStates.has(text)) throw new Error(`${name}: state is ${text}, was ${shard.state}`);
    shard.state = text;
  }

  #keep(shard: ShardHistory, position: number, payload: string): void {
    shard.kept.set(position, payload);
    shard.doubtful.delete(payload);
    shard.next = Math.max(shard.next, position + 1);
  }

  #shard(name: string): ShardHistory {
    const shard = this.shards.get(name);
    if (shard === undefined) throw new Error(`no shard ${name}`);
    return shard;
  }
}

async function readAll(log: Log, name: string): Promise<{ position: number; text: string }[]> {
  const all = [];
  let position = 0;
  for (;;) {
    const { frames, next } = await log.read(name, position, { frames: 7, bytes: 5000 });
    for (const frame of frames) all.push({ position: frame.position, text: frame.data.toString() });
    if (frames.length === 0) return all;
    position = next;
  }
}

/** Whether a log may throw this when its disk fails. */
export function isDiskTrouble(error: unknown): boolean {
  return error instanceof LogError && (error.code === "disk-failed" || error.code === "disk-full");
}
