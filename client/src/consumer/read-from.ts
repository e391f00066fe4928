import type { ReadFrom } from "../kinesis/stream-api.js";
import type { Lease } from "../leases/lease.js";

/**
 * Where reading goes on behind a lease's checkpoint. The record of the checkpoint is read again: it may be an aggregate of which only
 * a part is done.
 */
export function readFrom({ checkpoint, startingTimestampMs }: Lease): ReadFrom {
  if (checkpoint === "LATEST" || checkpoint === "TRIM_HORIZON") return { type: checkpoint };
  if (checkpoint === "AT_TIMESTAMP") {
    return startingTimestampMs === null
      ? { type: "TRIM_HORIZON" }
      : { type: "AT_TIMESTAMP", timestampMs: startingTimestampMs };
  }
  return { type: "AT_SEQUENCE_NUMBER", sequenceNumber: checkpoint };
}
