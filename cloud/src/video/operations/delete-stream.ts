import { structure } from "../../codec/shape.js";
import { streamArn, version } from "./members.js";
import { streamNameOf } from "./stream-reference.js";
import { videoOperation } from "./video-operation.js";

export const deleteStream = videoOperation(
  structure({ required: { StreamARN: streamArn }, optional: { CurrentVersion: version } }),
  async ({ StreamARN, CurrentVersion }, { service }) => {
    await service.delete(streamNameOf({ StreamARN }, service), CurrentVersion);
    return undefined;
  },
);
