import { CloudError } from "../cloud-error.js";
import { enumeration, structure } from "../codec/shape.js";
import { planShardCount, type ShardPlan } from "../streams/shard-plan.js";
import type { StreamState } from "../streams/stream-state.js";
import { shardCount, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { checkProvisioned } from "./provisioned-only.js";
import { streamNameOf } from "./stream-reference.js";

/** Source: API reference, UpdateShardCount. */
const STREAM_SHARDS_MAX = 10_000;
const UPDATES_PER_DAY = 10;
const DAY_MS = 24 * 60 * 60 * 1000;

export const updateShardCount = operation(
  structure({
    order: ["ScalingType", "StreamName", "TargetShardCount"],
    required: { TargetShardCount: shardCount, ScalingType: enumeration("UNIFORM_SCALING") },
    optional: streamReference,
  }),
  async (input, { service, now }) => {
    const { TargetShardCount: target } = input;
    const name = streamNameOf(input, service);
    let current = 0;
    const planFor = (stream: StreamState): Promise<ShardPlan> => {
      checkProvisioned(stream, service);
      current = stream.openShards.length;
      checkTarget(current, target);
      const open = stream.openShards.map((shard) => shard.planned);
      return planShardCount(open, target, stream.nextShardNumber);
    };
    await service.reshard(name, planFor, (timesMs) => withUpdate(timesMs, now(), name));
    const { arn } = service.describe(name);
    return { StreamName: name, CurrentShardCount: current, TargetShardCount: target, StreamARN: arn };
  },
);

function checkTarget(current: number, target: number): void {
  const refuse = (why: string): never => {
    throw new CloudError(
      "limit-exceeded",
      `${why} Current open shard count: ${current}, Target shard count: ${target}`,
    );
  };
  if (target > STREAM_SHARDS_MAX) {
    refuse(`Target shard count or number of open shards cannot be greater than ${STREAM_SHARDS_MAX}.`);
  }
  if (target > current * 2) refuse("UpdateShardCount cannot scale up over double your current open shard count.");
  if (target < current / 2) refuse("UpdateShardCount cannot scale down below half your current open shard count.");
}

/** A try counts, whatever becomes of it. */
function withUpdate(timesMs: readonly number[], nowMs: number, streamName: string): readonly number[] {
  const inLastDay = timesMs.filter((timeMs) => nowMs - timeMs < DAY_MS);
  if (inLastDay.length >= UPDATES_PER_DAY) {
    throw new CloudError(
      "limit-exceeded",
      `UpdateShardCount was called ${UPDATES_PER_DAY} times in the last 24 hours for stream ${streamName}, which is its limit.`,
    );
  }
  return [...inLastDay, nowMs];
}
