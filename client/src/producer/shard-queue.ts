import type { Shard } from "../kinesis/stream-api.js";
import { Wake } from "../wake.js";
import type { QueuedPut } from "./queued-put.js";

/** What waits for one shard, in the order of the calls. */
export class ShardQueue {
  readonly shard: Shard;
  readonly changed = new Wake();
  #puts: QueuedPut[] = [];
  #bytes = 0;
  /** Halved while requests are refused as a whole, so that the record to blame is found. */
  recordsMax: number;

  constructor(shard: Shard, recordsMax: number) {
    this.shard = shard;
    this.recordsMax = recordsMax;
  }

  get puts(): readonly QueuedPut[] {
    return this.#puts;
  }

  /** Memory of what waits. */
  get bytes(): number {
    return this.#bytes;
  }

  add(put: QueuedPut): void {
    this.#bytes += put.bytes;
    this.#puts.push(put);
    this.changed.all();
  }

  take(count: number): QueuedPut[] {
    const taken = this.#puts.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }

  /** In front of what waits, which was put later. */
  putBack(puts: readonly QueuedPut[]): void {
    for (const { bytes } of puts) this.#bytes += bytes;
    this.#puts = [...puts, ...this.#puts];
  }
}
