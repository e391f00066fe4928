import { structure, timestamp } from "../codec/shape.js";
import { sealIterator } from "../streams/sealed-token.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { sequenceNumber, shardId, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { noSuchShard, shardNumberOf } from "./shard-reference.js";
import { startingPositionType, startPosition } from "./starting-position.js";
import { streamNameOf } from "./stream-reference.js";

export const getShardIterator = operation(
  structure({
    order: ["ShardId", "ShardIteratorType", "StartingSequenceNumber", "StreamName"],
    required: { ShardId: shardId, ShardIteratorType: startingPositionType },
    optional: { ...streamReference, StartingSequenceNumber: sequenceNumber, Timestamp: timestamp(), ...dryRun },
  }),
  async (input, { service, sealer, now }) => {
    const asksOf = streamNameOf(input, service);
    const stream = service.lookUp(asksOf);
    if (stream === undefined) throw noSuchShard(shardNumberOf(input.ShardId, asksOf, service), asksOf, service);
    const shard = stream.shard(input.ShardId);
    const { ShardIteratorType: type, StartingSequenceNumber, Timestamp: timestampMs } = input;
    const start = { type, sequenceNumber: StartingSequenceNumber, timestampMs };
    const asked = { operation: "GetShardIterator", nowMs: now() } as const;
    const position = await startPosition(start, stream, shard, asked);
    refuseDryRun(input);
    const { name: streamName, id: streamId } = stream;
    const { shardNumber } = shard;
    return {
      ShardIterator: sealIterator(sealer, { streamName, streamId, shardNumber, position, createdMs: now() }),
    };
  },
);
