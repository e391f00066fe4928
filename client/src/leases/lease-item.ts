import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Lease, LeaseState } from "./lease.js";

type Item = Record<string, AttributeValue>;

/** A lease as the table has it. What is null, empty or unknown has no attribute. */
export function toItem(lease: Lease): Item {
  const { parentShardIds, startingHashKey, endingHashKey, startingTimestampMs, leaseKey, ...state } = lease;
  const item: Item = {
    leaseKey: { S: leaseKey },
    startingHashKey: { S: startingHashKey },
    endingHashKey: { S: endingHashKey },
  };
  if (parentShardIds.length > 0) item["parentShardId"] = { SS: [...parentShardIds] };
  if (startingTimestampMs !== null) item["startingTimestampMs"] = { N: String(startingTimestampMs) };
  for (const [name, value] of Object.entries(state)) if (value !== null) item[name] = toAttribute(value);
  return item;
}

export function toAttribute(value: string | number): AttributeValue {
  return typeof value === "string" ? { S: value } : { N: String(value) };
}

/**
 * Reads a lease, also one that the Kinesis Client Library has written.
 * @returns undefined for what is no lease: newer versions of that library keep other things in the table, too.
 */
export function fromItem(item: Item): Lease | undefined {
  const leaseKey = item["leaseKey"]?.S;
  const checkpoint = item["checkpoint"]?.S;
  if (leaseKey === undefined || checkpoint === undefined) return undefined;
  const number = (name: keyof LeaseState): number => Number(item[name]?.N ?? 0);
  const startingTimestamp = item["startingTimestampMs"]?.N;
  return {
    leaseKey,
    leaseOwner: item["leaseOwner"]?.S ?? null,
    leaseCounter: number("leaseCounter"),
    checkpoint,
    checkpointSubSequenceNumber: number("checkpointSubSequenceNumber"),
    checkpointOwner: item["checkpointOwner"]?.S ?? null,
    ownerSwitchesSinceCheckpoint: number("ownerSwitchesSinceCheckpoint"),
    parentShardIds: item["parentShardId"]?.SS ?? [],
    startingHashKey: item["startingHashKey"]?.S ?? "0",
    endingHashKey: item["endingHashKey"]?.S ?? String((1n << 128n) - 1n),
    startingTimestampMs: startingTimestamp === undefined ? null : Number(startingTimestamp),
  };
}
