import { enumeration, structure } from "../codec/shape.js";
import { SHARDS_MAX } from "../streams/stream-service.js";
import { ON_DEMAND_STREAMS_MAX, onDemandStreams } from "./on-demand-limit.js";
import { operation, type OperationContext } from "./operation.js";

const COMMITMENT = "minimum-throughput-billing-commitment";
const COMMITMENT_STARTED_MS = "minimum-throughput-billing-commitment-started-ms";

export const describeLimits = operation(structure({ required: {}, optional: {} }), (_input, { service }) => {
  const streams = service.listStreams();
  return {
    ShardLimit: SHARDS_MAX,
    OpenShardCount: streams.reduce((sum, { shardCount }) => sum + shardCount, 0),
    OnDemandStreamCount: onDemandStreams(service),
    OnDemandStreamCountLimit: ON_DEMAND_STREAMS_MAX,
  };
});

export const describeAccountSettings = operation(
  structure({ required: {}, optional: {} }),
  async (_input, context) => ({ MinimumThroughputBillingCommitment: await commitment(context) }),
);

/** Noted and shown; nothing is billed here. */
export const updateAccountSettings = operation(
  structure({
    required: {
      MinimumThroughputBillingCommitment: structure({
        required: { Status: enumeration("ENABLED", "DISABLED") },
        optional: {},
      }),
    },
    optional: {},
  }),
  async ({ MinimumThroughputBillingCommitment: { Status } }, context) => {
    const { service, now } = context;
    await service.setAccountSetting(COMMITMENT_STARTED_MS, String(now()));
    await service.setAccountSetting(COMMITMENT, Status);
    return { MinimumThroughputBillingCommitment: await commitment(context) };
  },
);

async function commitment({ service }: OperationContext): Promise<{ Status: string; StartedAt?: Date }> {
  const settings = await service.accountSettings();
  if (settings[COMMITMENT] !== "ENABLED") return { Status: "DISABLED" };
  return { Status: "ENABLED", StartedAt: new Date(Number(settings[COMMITMENT_STARTED_MS])) };
}
