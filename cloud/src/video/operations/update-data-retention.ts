import { enumeration, integer, structure } from "../../codec/shape.js";
import { streamReference, version } from "./members.js";
import { streamNameOf } from "./stream-reference.js";
import { videoOperation } from "./video-operation.js";

export const updateDataRetention = videoOperation(
  structure({
    required: {
      CurrentVersion: version,
      Operation: enumeration("INCREASE_DATA_RETENTION", "DECREASE_DATA_RETENTION"),
      DataRetentionChangeInHours: integer({ min: 1 }),
    },
    optional: streamReference,
  }),
  async ({ CurrentVersion, Operation, DataRetentionChangeInHours, ...reference }, { service }) => {
    const change = Operation === "INCREASE_DATA_RETENTION" ? DataRetentionChangeInHours : -DataRetentionChangeInHours;
    await service.changeRetention(streamNameOf(reference, service), CurrentVersion, change);
    return undefined;
  },
);
