import { structure } from "../codec/shape.js";
import { maxRecordKib, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

export const updateMaxRecordSize = operation(
  structure({ required: { MaxRecordSizeInKiB: maxRecordKib }, optional: streamReference }),
  async (input, { service }) => {
    await service.changeSettings(streamNameOf(input, service), (settings) => ({
      ...settings,
      maxRecordKib: input.MaxRecordSizeInKiB,
    }));
    return undefined;
  },
);
