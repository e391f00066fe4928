import { CloudError } from "../cloud-error.js";
import { enumeration, structure, timestamp } from "../codec/shape.js";
import { parseShardId } from "../streams/shard-id.js";
import { shard } from "./descriptions.js";
import { nextToken, pageSize, shardId, streamReference } from "./members.js";
import { operation, type OperationContext } from "./operation.js";
import { openPage, sealPage } from "./page-token.js";
import { type StreamReference, streamNameOf } from "./stream-reference.js";

const PAGE_SHARDS = 1000;
const PURPOSE = "list-shards";

const shardFilter = structure({
  required: {
    Type: enumeration(
      "AFTER_SHARD_ID",
      "AT_TRIM_HORIZON",
      "FROM_TRIM_HORIZON",
      "AT_LATEST",
      "AT_TIMESTAMP",
      "FROM_TIMESTAMP",
    ),
  },
  optional: { ShardId: shardId, Timestamp: timestamp() },
});

export const listShards = operation(
  structure({
    required: {},
    optional: {
      ...streamReference,
      NextToken: nextToken,
      ExclusiveStartShardId: shardId,
      MaxResults: pageSize,
      StreamCreationTimestamp: timestamp(),
      ShardFilter: shardFilter,
    },
  }),
  (input, context) => {
    const { service, sealer, now } = context;
    const { MaxResults: limit = PAGE_SHARDS } = input;
    const { streamName, after } = input.NextToken === undefined ? fromInput(input, context) : fromToken(input, context);
    if (service.describe(streamName).status !== "ACTIVE") {
      throw new CloudError("stream-busy", `Stream ${streamName} under account ${service.accountId} is not ACTIVE.`);
    }
    const left = service.shards(streamName).filter((described) => (parseShardId(described.shardId) ?? -1) > after);
    const page = left.slice(0, limit);
    const last = page.at(-1);
    const hasMore = left.length > page.length && last !== undefined;
    return {
      Shards: page.map(shard),
      NextToken: hasMore ? sealPage(sealer, PURPOSE, [streamName, parseShardId(last.shardId) ?? -1], now()) : undefined,
    };
  },
);

interface Input extends StreamReference {
  readonly NextToken?: string;
  readonly ExclusiveStartShardId?: string;
  readonly StreamCreationTimestamp?: number;
  readonly ShardFilter?: { readonly Type: string; readonly ShardId?: string; readonly Timestamp?: number };
}

interface Page {
  readonly streamName: string;
  /** The number of the last shard before the page, or -1. */
  readonly after: number;
}

/**
 * While no stream was ever resharded, all its shards are open at all times, so of the filters only AFTER_SHARD_ID
 * leaves any out; the times are checked all the same.
 */
function fromInput(input: Input, { service, now }: OperationContext): Page {
  const { ExclusiveStartShardId, ShardFilter: filter } = input;
  const streamName = streamNameOf(input, service);
  if (filter?.Type === "AFTER_SHARD_ID" && filter.ShardId === undefined) {
    throw new CloudError("argument-invalid", "ShardId must be specified for ShardFilter type AFTER_SHARD_ID.");
  }
  if (filter?.Type.endsWith("_TIMESTAMP") && filter.Timestamp === undefined) {
    throw new CloudError("argument-invalid", `Timestamp must be specified for ShardFilter type ${filter.Type}.`);
  }
  if ((filter?.Timestamp ?? 0) > now()) {
    throw new CloudError("argument-invalid", "The Timestamp of a ShardFilter must not lie in the future.");
  }
  const starts = [ExclusiveStartShardId, filter?.Type === "AFTER_SHARD_ID" ? filter.ShardId : undefined];
  return { streamName, after: Math.max(...starts.map((start) => numberOf(start))) };
}

function fromToken(input: Input, { sealer, now }: OperationContext): Page {
  const { NextToken = "" } = input;
  for (const other of ["StreamName", "StreamARN", "ExclusiveStartShardId", "StreamCreationTimestamp"] as const) {
    if (input[other] !== undefined) {
      throw new CloudError("argument-invalid", `NextToken and ${other} cannot be provided together.`);
    }
  }
  const [streamName, after] = openPage(sealer, PURPOSE, NextToken, now());
  return { streamName: String(streamName), after: Number(after) };
}

function numberOf(start: string | undefined): number {
  if (start === undefined) return -1;
  const number = parseShardId(start);
  if (number === undefined) throw new CloudError("argument-invalid", `${start} is no shard id.`);
  return number;
}
