import type { ProducerRequest } from "@headwater/protocol";
import { PutResults } from "../streams/put-results.js";
import type { RecordBatch } from "../streams/record-batch.js";
import type { PutOutcome, ShardOwner } from "../streams/shard-owner.js";

/** Puts some of a call's records into one shard; answers what became of each of them. */
export async function putOutcomes(
  shard: ShardOwner,
  records: RecordBatch,
  indexes: readonly number[],
  producer?: ProducerRequest,
): Promise<readonly PutOutcome[]> {
  if (producer !== undefined) return shard.putOnce(records, indexes, producer);
  const results = new PutResults(records.count);
  await new Promise<void>((resolve, reject) => {
    shard.put(records, indexes, results, (bug) => (bug === undefined ? resolve() : reject(bug.reason)));
  });
  return indexes.map((index) => results.outcome(index));
}
