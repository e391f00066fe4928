import { CloudError } from "../cloud-error.js";
import { enumeration, structure, timestamp } from "../codec/shape.js";
import { parseShardId } from "../streams/shard-id.js";
import type { ShardOwner } from "../streams/shard-owner.js";
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
      ExclusiveStartShardId: shardId,
      MaxResults: pageSize,
      NextToken: nextToken,
      StreamCreationTimestamp: timestamp(),
      ...streamReference,
      ShardFilter: shardFilter,
    },
  }),
  (input, context) => {
    const { service, sealer, now } = context;
    const page = input.NextToken === undefined ? firstPage(input, context) : nextPage(input, context);
    const { streamName, streamId, after, filter } = page;
    const stream = service.find(streamName);
    if (stream.id !== streamId) throw new CloudError("argument-invalid", "Invalid NextToken.");
    if (!stream.isServing) {
      throw new CloudError("stream-busy", `Stream ${streamName} under account ${service.accountId} is not ACTIVE.`);
    }
    const all = stream.unexpiredShards();
    const left = select(all, filter, Math.max(stream.horizonMs(), stream.createdMs)).filter(
      ({ shardNumber }) => shardNumber > after,
    );
    // Only these are described: of thousands that would hold up everybody else.
    const shards = left.slice(0, Math.min(input.MaxResults ?? PAGE_SHARDS, PAGE_SHARDS));
    const last = shards.at(-1)?.shardNumber ?? after;
    const rest = [streamName, streamId, last, filter.type, filter.timeMs];
    return {
      Shards: shards.map((owner) => shard(owner.describe())),
      NextToken: left.length > shards.length ? sealPage(sealer, PURPOSE, rest, now()) : undefined,
    };
  },
);

interface Input extends StreamReference {
  readonly NextToken?: string;
  readonly ExclusiveStartShardId?: string;
  readonly MaxResults?: number;
  readonly StreamCreationTimestamp?: number;
  readonly ShardFilter?: { readonly Type: string; readonly ShardId?: string; readonly Timestamp?: number };
}

interface Page {
  readonly streamName: string;
  /** So that a token does not lead into another stream of the same name. */
  readonly streamId: string;
  /** The number of the last shard before the page, or -1. */
  readonly after: number;
  readonly filter: Filter;
}

interface Filter {
  readonly type: string;
  /** Milliseconds since 1970; of no meaning where the type has no time. */
  readonly timeMs: number;
}

/** What a filter leaves of all shards within retention. Source: API reference, ShardFilter. */
function select(all: readonly ShardOwner[], { type, timeMs }: Filter, oldestMs: number): readonly ShardOwner[] {
  // What was before the trim horizon, or before the stream, is gone: the oldest shards stand in.
  if (type === "AT_TRIM_HORIZON" || (type === "AT_TIMESTAMP" && timeMs < oldestMs)) return oldest(all);
  const wanted = ({ openedMs, closed }: ShardOwner): boolean => {
    const closedMs = closed?.closedMs ?? Number.POSITIVE_INFINITY;
    if (type === "AT_LATEST") return closed === undefined;
    if (type === "AT_TIMESTAMP") return openedMs <= timeMs && timeMs <= closedMs;
    return type !== "FROM_TIMESTAMP" || timeMs <= closedMs;
  };
  return all.filter(wanted);
}

/** Those that were open when the oldest records came that are left: no parent of theirs is left. */
function oldest(all: readonly ShardOwner[]): ShardOwner[] {
  const numbers = new Set(all.map(({ shardNumber }) => shardNumber));
  return all.filter(({ parents }) => !parents.some((parent) => numbers.has(parent)));
}

function firstPage(input: Input, { service, now }: OperationContext): Page {
  const { ExclusiveStartShardId, ShardFilter: filter, StreamCreationTimestamp: createdMs } = input;
  if (input.StreamName === undefined && input.StreamARN === undefined) {
    throw new CloudError("argument-invalid", "Either NextToken or StreamName should be provided.");
  }
  const stream = service.find(streamNameOf(input, service));
  if (createdMs !== undefined && createdMs !== stream.createdMs) {
    throw new CloudError(
      "stream-not-found",
      `Stream ${stream.name} under account ${service.accountId} was not created at ${new Date(createdMs).toISOString()}.`,
    );
  }
  if (filter !== undefined) checkFilter(filter, now());
  const after = Math.max(...[ExclusiveStartShardId, filter?.ShardId].map((start) => numberOf(start)));
  const { Type: type = "FROM_TRIM_HORIZON", Timestamp: timeMs = 0 } = filter ?? {};
  return { streamName: stream.name, streamId: stream.id, after, filter: { type, timeMs } };
}

function checkFilter(
  { Type: type, ShardId: id, Timestamp: timeMs }: Required<Input>["ShardFilter"],
  nowMs: number,
): void {
  const takesShard = type === "AFTER_SHARD_ID";
  if (takesShard !== (id !== undefined)) {
    const must = takesShard ? "must be" : "must not be";
    throw new CloudError("argument-invalid", `ShardId ${must} specified for ShardFilter type ${type}.`);
  }
  const takesTime = type.endsWith("_TIMESTAMP");
  if (takesTime !== (timeMs !== undefined)) {
    const must = takesTime ? "must be" : "must not be";
    throw new CloudError("argument-invalid", `Timestamp ${must} specified for ShardFilter type ${type}.`);
  }
  if ((timeMs ?? 0) > nowMs) {
    throw new CloudError("argument-invalid", "The Timestamp of a ShardFilter must not lie in the future.");
  }
}

function nextPage(input: Input, { sealer, now }: OperationContext): Page {
  const { NextToken = "" } = input;
  for (const other of [
    "StreamName",
    "StreamARN",
    "ExclusiveStartShardId",
    "StreamCreationTimestamp",
    "ShardFilter",
  ] as const) {
    if (input[other] !== undefined) {
      throw new CloudError("argument-invalid", `NextToken and ${other} cannot be provided together.`);
    }
  }
  const [streamName, streamId, after, type, timeMs] = openPage(sealer, PURPOSE, NextToken, now());
  return {
    streamName: String(streamName),
    streamId: String(streamId),
    after: Number(after),
    filter: { type: String(type), timeMs: Number(timeMs) },
  };
}

function numberOf(start: string | undefined): number {
  if (start === undefined) return -1;
  const number = parseShardId(start);
  if (number === undefined) throw new CloudError("argument-invalid", `${start} is no shard id.`);
  return number;
}
