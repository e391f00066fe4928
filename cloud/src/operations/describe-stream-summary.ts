import { structure } from "../codec/shape.js";
import { streamSettings, streamSummary } from "./descriptions.js";
import { streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

export const describeStreamSummary = operation(
  structure({ required: {}, optional: streamReference }),
  (input, { service }) => {
    const stream = service.describe(streamNameOf(input, service));
    return {
      StreamDescriptionSummary: {
        ...streamSummary(stream),
        ...streamSettings(stream),
        OpenShardCount: stream.shardCount,
        ConsumerCount: service.consumers.of(stream.name).length,
        MaxRecordSizeInKiB: stream.maxRecordKib,
        WarmThroughput:
          stream.warmThroughputMibps === undefined
            ? undefined
            : { TargetMiBps: stream.warmThroughputMibps, CurrentMiBps: stream.shardCount },
      },
    };
  },
);
