import type { StreamApi } from "../kinesis/stream-api.js";
import { inChunks } from "./lease-keeper.js";
import type { Lease } from "./lease.js";
import type { LeaseStore } from "./lease-store.js";
import { planSync, type StartAt } from "./plan-sync.js";

/** A time in the future is refused by the service, by its own clock. A shard too many is found empty and ended. */
const CLOCKS_DIFFER_MS = 60_000;

export interface ShardSyncOptions {
  readonly api: Pick<StreamApi, "listShards" | "nowMs">;
  readonly stream: string;
  readonly store: LeaseStore;
  readonly start: StartAt;
}

/**
 * Makes leases for shards that have none, parents first, and removes those of shards that are gone. Any worker may do so at any
 * time, also several at once.
 * @throws {ClientError} of the stream or the store; what was done by then is good.
 */
export async function syncShards(options: ShardSyncOptions, signal: AbortSignal): Promise<void> {
  const { api, stream, store } = options;
  // The leases first: whatever shard they are of was there when the shards are listed, unless it is gone.
  const leases = await store.list(signal);
  const startMs = await startOf(leases, options, signal);
  const fromMs = startMs === null ? undefined : startMs - CLOCKS_DIFFER_MS;
  const shards = await api.listShards(stream, fromMs, signal);
  const { create, remove } = planSync(shards, leases, startMs);
  for (const generation of create) {
    await inChunks(generation, async (lease) => void (await store.create(lease, signal)));
  }
  await inChunks(remove, ({ leaseKey, leaseCounter }) => store.remove(leaseKey, leaseCounter, signal));
}

/** From when on the application reads; null for everything. What leases say comes first. */
async function startOf(
  leases: readonly Lease[],
  { api, stream, start }: ShardSyncOptions,
  signal: AbortSignal,
): Promise<number | null> {
  if (leases.length > 0) {
    const times = leases.flatMap(({ startingTimestampMs }) => startingTimestampMs ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }
  if (start.type === "TRIM_HORIZON") return null;
  return start.type === "LATEST" ? await api.nowMs(stream, signal) : start.timestampMs;
}
