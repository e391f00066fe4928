import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import { streamReference, warmThroughputMibps } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

export const updateStreamWarmThroughput = operation(
  structure({ required: { WarmThroughputMiBps: warmThroughputMibps }, optional: streamReference }),
  async (input, { service }) => {
    const name = streamNameOf(input, service);
    const target = input.WarmThroughputMiBps;
    await service.changeSettings(name, (settings) => {
      if (settings.mode === "ON_DEMAND") return { ...settings, warmThroughputMibps: target };
      throw new CloudError(
        "argument-invalid",
        `Warm throughput can only be set for streams in ON_DEMAND mode, which ${name} is not.`,
      );
    });
    const { arn, shardCount } = service.describe(name);
    return {
      StreamARN: arn,
      StreamName: name,
      WarmThroughput: { TargetMiBps: target, CurrentMiBps: shardCount },
    };
  },
);
