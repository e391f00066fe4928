import { HASH_KEY_MAX } from "@headwater/protocol";
import type { StoredShard } from "../catalog/catalog.js";

/** An open shard that holds all keys. */
export function storedShard(shard: Partial<StoredShard> & Pick<StoredShard, "logName">): StoredShard {
  return {
    number: 0,
    epoch: 1,
    startingHashKey: 0n,
    endingHashKey: HASH_KEY_MAX,
    parents: [],
    openedMs: 0,
    closed: undefined,
    ...shard,
  };
}
