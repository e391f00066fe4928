import { enumeration, list, structure } from "../codec/shape.js";
import { streamReference } from "./members.js";
import { operation, type Operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

const metrics = [
  "IncomingBytes",
  "IncomingRecords",
  "OutgoingBytes",
  "OutgoingRecords",
  "WriteProvisionedThroughputExceeded",
  "ReadProvisionedThroughputExceeded",
  "IteratorAgeMilliseconds",
] as const;

export const enableEnhancedMonitoring = changeMonitoring((current, given) =>
  metrics.filter((metric) => current.includes(metric) || given.includes(metric)),
);

export const disableEnhancedMonitoring = changeMonitoring((current, given) =>
  metrics.filter((metric) => current.includes(metric) && !given.includes(metric)),
);

/** @param desired makes the metrics to keep from the current and the given ones. */
function changeMonitoring(desired: (current: readonly string[], given: readonly string[]) => string[]): Operation {
  return operation(
    structure({
      required: { ShardLevelMetrics: list(enumeration(...metrics, "ALL"), { min: 1, max: 7 }) },
      optional: streamReference,
    }),
    async (input, { service }) => {
      const name = streamNameOf(input, service);
      const given = input.ShardLevelMetrics.includes("ALL") ? metrics : input.ShardLevelMetrics;
      let before: readonly string[] = [];
      let after: readonly string[] = [];
      await service.changeSettings(name, (settings) => {
        before = settings.shardLevelMetrics;
        after = desired(before, given);
        return { ...settings, shardLevelMetrics: after };
      });
      const { arn } = service.describe(name);
      return { StreamName: name, StreamARN: arn, CurrentShardLevelMetrics: before, DesiredShardLevelMetrics: after };
    },
  );
}
