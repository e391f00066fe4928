import type { ProducerRequest } from "@headwater/protocol";
import { PutResults } from "./put-results.js";
import type { RecordBatch } from "./record-batch.js";
import type { ShardOwner } from "./shard-owner.js";
import type { PutSettled } from "./shard-put.js";
import type { StreamState } from "./stream-state.js";
import type { WaitingPuts } from "./waiting-puts.js";

export interface PutOptions {
  readonly producer?: ProducerRequest | undefined;
  /** Asked only where the put has to wait for a reshard: aborts once nobody waits for its results any more. */
  readonly gone?: () => AbortSignal;
}

/** One call's records on their way into the shards that hold their keys. */
export class PutCall {
  readonly #stream: StreamState;
  readonly #records: RecordBatch;
  readonly #options: PutOptions;
  readonly #waiting: WaitingPuts;
  readonly #results: PutResults;
  #failure: { readonly reason: unknown } | undefined;

  /** @param waiting where records wait for a shut gate. */
  constructor(stream: StreamState, records: RecordBatch, options: PutOptions, waiting: WaitingPuts) {
    this.#stream = stream;
    this.#records = records;
    this.#options = options;
    this.#waiting = waiting;
    this.#results = new PutResults(records.count);
  }

  /**
   * Stores the records, one append for each shard that gets some. Settles once nothing of the call is under way, also
   * where some of it has failed: until then the records' memory is used.
   * @throws the reason with which `gone` aborts; what did not have to wait is stored.
   */
  async run(): Promise<PutResults> {
    await this.#put(Array(this.#records.count).keys());
    if (this.#failure !== undefined) throw this.#failure.reason;
    return this.#results;
  }

  /** Never rejects. */
  #put(indexes: Iterable<number>): Promise<void> {
    const { producer } = this.#options;
    return new Promise((resolve) => {
      let underWay = 1;
      const settled: PutSettled = (bug) => {
        this.#failure ??= bug;
        underWay -= 1;
        if (underWay === 0) resolve();
      };
      for (const [shard, part] of byShard(this.#stream, this.#records, indexes)) {
        underWay += 1;
        if (shard.gate.isShut) void this.#putOnceOpen(shard, part).then(() => settled());
        else if (producer === undefined) shard.put(this.#records, part, this.#results, settled);
        else void this.#putOnce(shard, part, producer).then(() => settled());
      }
      settled();
    });
  }

  async #putOnce(shard: ShardOwner, part: readonly number[], producer: ProducerRequest): Promise<void> {
    try {
      this.#results.set(shard, part, await shard.putOnce(this.#records, part, producer));
    } catch (reason) {
      this.#failure ??= { reason };
    }
  }

  async #putOnceOpen(shard: ShardOwner, part: readonly number[]): Promise<void> {
    try {
      const refusal = await this.#waiting.wait(shard.gate, bytesOf(this.#records, part), this.#options.gone?.());
      if (refusal === undefined) {
        await this.#put(part); // by now other shards may hold their keys
      } else {
        this.#results.refused(shard, part, refusal);
      }
    } catch (reason) {
      this.#failure ??= { reason };
    }
  }
}

/** Records by the shards that hold their keys now, each shard's in their order. */
function byShard({ router }: StreamState, records: RecordBatch, indexes: Iterable<number>): Map<ShardOwner, number[]> {
  const parts = new Map<ShardOwner, number[]>();
  for (const index of indexes) {
    const shard = records.route(index, router);
    const part = parts.get(shard);
    if (part === undefined) parts.set(shard, [index]);
    else part.push(index);
  }
  return parts;
}

function bytesOf(records: RecordBatch, indexes: readonly number[]): number {
  return indexes.reduce((sum, index) => sum + records.limitBytes(index), 0);
}
