import { pageOf, type StoredFrame } from "@headwater/log";
import { formatContinuationNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import type { AnswerEvent, EventStreamAnswer } from "../codec/event-stream-answer.js";
import { string, structure, timestamp } from "../codec/shape.js";
import type { Push, Subscription } from "../streams/fan-out/subscription.js";
import type { ShardOwner } from "../streams/shard-owner.js";
import { dataAtOf } from "../streams/stored-record.js";
import { childShard } from "./descriptions.js";
import { consumerArn, sequenceNumber, shardId } from "./members.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { operation, type Traffic } from "./operation.js";
import { RecordsAnswer } from "./records-answer.js";
import { startingPositionType, startPosition } from "./starting-position.js";
import { streamNameOf } from "./stream-reference.js";

const startingPosition = structure({
  required: { Type: startingPositionType },
  optional: { SequenceNumber: sequenceNumber, Timestamp: timestamp() },
});

export const subscribeToShard = operation(
  structure({
    required: { ConsumerARN: consumerArn, ShardId: shardId, StartingPosition: startingPosition },
    // AWS keeps StreamId for the future.
    optional: { StreamId: string(), ...dryRun },
  }),
  async (input, { service, fanOut, now, traffic }) => {
    const { ConsumerARN, ShardId, StartingPosition } = input;
    const { streamArn } = service.consumers.find(ConsumerARN);
    const stream = service.find(streamNameOf({ StreamARN: streamArn }, service));
    if (!stream.isServing) {
      const where = `Stream ${stream.name} under account ${service.accountId}`;
      throw new CloudError("stream-busy", `${where} not ACTIVE, instead in state ${stream.status}`);
    }
    const shard = stream.shard(ShardId);
    const { Type: type, SequenceNumber, Timestamp: timestampMs } = StartingPosition;
    const start = { type, sequenceNumber: SequenceNumber, timestampMs };
    const position = await startPosition(start, stream, shard, { operation: "SubscribeToShard", nowMs: now() });
    refuseDryRun(input);
    // It may have been deregistered meanwhile.
    const consumer = service.consumers.find(ConsumerARN);
    const subscription = fanOut.subscribe({ consumer, stream, shard, position });
    return answerOf(subscription, shard, traffic);
  },
);

function answerOf(subscription: Subscription, shard: ShardOwner, traffic: Traffic): EventStreamAnswer {
  return {
    events: eventsOf(subscription, shard, traffic),
    over: subscription.over,
    abandon: (cause) => subscription.end({ cause }),
  };
}

async function* eventsOf(
  subscription: Subscription,
  shard: ShardOwner,
  traffic: Traffic,
): AsyncGenerator<AnswerEvent, void, undefined> {
  for await (const push of subscription.pushes()) {
    const { frames } = push;
    const bytes = frames.reduce((sum, { data }) => sum + data.length - dataAtOf(data, 0), 0);
    shard.flow.bytesPushed += bytes;
    traffic.pushed(frames.length, bytes);
    yield { type: "SubscribeToShardEvent", content: contentOf(push, shard) };
  }
}

/** How far what an event says may be off: those who catch up side by side are not there in the same millisecond. */
const BEHIND_ERROR_MS_MAX = 250;

/** Only 0 is exact: it says that nothing is left to read. */
function isAsGood(saidMs: number, behindMs: number): boolean {
  return (saidMs === 0) === (behindMs === 0) && Math.abs(saidMs - behindMs) <= BEHIND_ERROR_MS_MAX;
}

/** What was made of records last, for the other subscriptions that are sent the same. */
const made = new WeakMap<
  readonly StoredFrame[],
  { readonly millisBehindLatest: number; readonly content: RecordsAnswer }
>();

function contentOf({ frames, next, millisBehindLatest, children }: Push, shard: ShardOwner): RecordsAnswer {
  const known = made.get(frames);
  if (known !== undefined && isAsGood(known.millisBehindLatest, millisBehindLatest)) return known.content;
  const { epoch: shardEpoch } = shard;
  const content = new RecordsAnswer(shard, pageOf({ frames, next: next ?? 0 }), {
    // Its absence is how clients know that the shard has ended.
    ...(next === undefined
      ? {}
      : { ContinuationSequenceNumber: formatContinuationNumber({ shardEpoch, position: next }) }),
    MillisBehindLatest: millisBehindLatest,
    ...(children === undefined ? {} : { ChildShards: children.map((child) => childShard(child.describe())) }),
  });
  made.set(frames, { millisBehindLatest, content });
  return content;
}
