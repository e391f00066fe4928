import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import { streamArn, streamModeDetails, warmThroughputMibps } from "./members.js";
import { checkOnDemandLimit } from "./on-demand-limit.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

export const updateStreamMode = operation(
  structure({
    required: { StreamARN: streamArn, StreamModeDetails: streamModeDetails },
    optional: { WarmThroughputMiBps: warmThroughputMibps },
  }),
  async (input, { service }) => {
    const mode = input.StreamModeDetails.StreamMode;
    const warm = input.WarmThroughputMiBps;
    if (mode === "PROVISIONED" && warm !== undefined) {
      throw new CloudError("argument-invalid", "WarmThroughputMiBps can only be given with the ON_DEMAND mode.");
    }
    await service.changeSettings(streamNameOf(input, service), ({ warmThroughputMibps: _before, ...settings }) => {
      if (mode === "ON_DEMAND" && settings.mode !== mode) checkOnDemandLimit(service);
      return { ...settings, mode, ...(warm === undefined ? {} : { warmThroughputMibps: warm }) };
    });
    return undefined;
  },
);
