import { backoffMs } from "../backoff.js";
import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import type { Patience } from "../patience.js";
import type { ConsumerEvent } from "./consumer-event.js";
import { readFrom } from "./read-from.js";
import type { ShardLane } from "./shard-lane.js";
import type { ShardSource } from "./shard-source.js";

export interface ShardRunOptions {
  readonly source: ShardSource;
  readonly patience: Patience;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** Makes the leases those of the shards that there are. */
  readonly sync: (signal: AbortSignal) => Promise<void>;
  readonly report: (event: ConsumerEvent) => void;
  /** Nothing more is read. */
  readonly stop: AbortSignal;
  /** Leases are given back. */
  readonly closing: AbortSignal;
  /** Nothing may take longer. */
  readonly end: AbortSignal;
}

/**
 * Reads one shard, from the moment it is this worker's until it is not.
 * @returns whether the shard was read and done to its end. @throws what no other worker will find better.
 */
export async function runShard(lane: ShardLane, options: ShardRunOptions): Promise<boolean> {
  const { patience, sync, report, stop, closing, end } = options;
  const { holding } = lane;
  const { shardId, lost, asked } = holding;
  report({ type: "shard-taken", shardId });
  try {
    await readToEnd(lane, options, AbortSignal.any([lost, asked, stop]));
    lane.end();
    const leaving = AbortSignal.any([lost, asked, closing]);
    await lane.allDone(leaving);
    // First the children's leases: else they would have to wait until somebody looks, should this process end here.
    await sync(leaving);
    const either = AbortSignal.any([lost, end]);
    await patience.with(() => holding.finish(either), either);
    report({ type: "shard-ended", shardId });
    return true;
  } catch (error) {
    if (!lost.aborted && !asked.aborted && !stop.aborted) throw error;
    await leave(lane, options);
    return false;
  } finally {
    lane.close();
  }
}

async function readToEnd(lane: ShardLane, options: ShardRunOptions, signal: AbortSignal): Promise<void> {
  const { source, sync, patience, clock, random } = options;
  const { holding } = lane;
  for (let tries = 0; ; tries++) {
    try {
      await source.read(holding.shardId, readFrom(holding.lease), lane, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ClientError) || error.code !== "not-found") throw error;
    }
    // Retention has passed its end, or the stream is gone, which the listing says.
    await sync(signal);
    await patience.with(() => holding.store(signal), signal);
    await clock.sleep(backoffMs("not-found", tries, random()), signal);
  }
}

/** Gives the shard back, as far as it still is this worker's. */
async function leave(lane: ShardLane, { patience, report, closing, end }: ShardRunOptions): Promise<void> {
  const { holding } = lane;
  const { shardId, lost, asked } = holding;
  const either = AbortSignal.any([lost, end]);
  try {
    const ending = AbortSignal.any([lost, closing]);
    if (!asked.aborted) await aborted(AbortSignal.any([ending, asked]));
    // Who asked waits for what a loop has begun.
    if (asked.aborted) await lane.idle(ending).catch(() => undefined);
    lane.close();
    lost.throwIfAborted();
    await patience.with(() => holding.release(either), either);
    report({ type: "shard-given-back", shardId });
  } catch (error) {
    holding.abandon();
    if (!(error instanceof ClientError)) throw error;
    report({ type: "shard-lost", shardId, error });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
