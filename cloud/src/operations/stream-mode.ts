import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import { streamArn, streamModeDetails, warmThroughputMibps } from "./members.js";
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
    await service.changeSettings(streamNameOf(input, service), ({ warmThroughputMibps: _before, ...settings }) => ({
      ...settings,
      mode,
      ...(warm === undefined ? {} : { warmThroughputMibps: warm }),
    }));
    return undefined;
  },
);
