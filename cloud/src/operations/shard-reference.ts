import { CloudError } from "../cloud-error.js";
import { formatShardId, parseShardId } from "../streams/shard-id.js";
import type { StreamService } from "../streams/stream-service.js";

/**
 * The number in a shard's id, which AWS looks at before the stream.
 * @throws {CloudError} `shard-not-found`.
 */
export function shardNumberOf(shardId: string, streamName: string, { accountId }: StreamService): number {
  const number = parseShardId(shardId);
  if (number !== undefined) return number;
  throw new CloudError(
    "shard-not-found",
    `Could not find shard ${shardId} in stream ${streamName} under account ${accountId}.`,
  );
}

/** What AWS answers readers of a shard that is not there, be it for want of its stream. */
export function noSuchShard(shardNumber: number, streamName: string, { accountId }: StreamService): CloudError {
  return new CloudError(
    "shard-not-found",
    `Shard ${formatShardId(shardNumber)} in stream ${streamName} under account ${accountId} does not exist`,
  );
}
