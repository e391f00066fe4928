import { kinesisLimits } from "@headwater/protocol";
import { integer, string, structure } from "../codec/shape.js";
import { openIterator, sealIterator, type ShardIterator } from "../streams/sealed-token.js";
import { formatShardId } from "../streams/shard-id.js";
import type { StreamService } from "../streams/stream-service.js";
import type { StreamState } from "../streams/stream-state.js";
import { firstUnexpired } from "../streams/unexpired.js";
import { childShard } from "./descriptions.js";
import { streamArn } from "./members.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { operation } from "./operation.js";
import { noSuchShard } from "./shard-reference.js";
import { dataBytes, dataBytesBefore, RecordsAnswer } from "./records-answer.js";

const { getRecordsEntriesMax, iteratorLifeMs } = kinesisLimits;
/** What is older costs extra to read. Source: Kinesis Data Streams pricing, long-term data retrieval. */
const LONG_TERM_MS = 7 * 24 * 3_600_000;

export const getRecords = operation(
  structure({
    order: ["Limit", "ShardIterator"],
    required: { ShardIterator: string({ min: 1, max: 512 }) },
    optional: { StreamARN: streamArn, Limit: integer({ min: 1, max: getRecordsEntriesMax }), ...dryRun },
  }),
  async (input, { service, sealer, now, traffic }, { memory, answerBytesMax }) => {
    const { ShardIterator, Limit: limit = getRecordsEntriesMax } = input;
    const iterator = openIterator(sealer, unquoted(ShardIterator), now(), iteratorLifeMs);
    const stream = streamOf(iterator, service);
    const shard = stream.shard(formatShardId(iterator.shardNumber));
    refuseDryRun(input);
    const horizonMs = stream.horizonMs();
    const start = iterator.streamId === stream.id ? iterator.position : shard.bounds().first;
    const from = await firstUnexpired(shard, start, horizonMs);
    const page = await shard.readLimited(from, { frames: limit, bytes: answerBytesMax() }, memory);
    const bytes = dataBytes(page);
    shard.flow.bytesRead += bytes;
    shard.flow.longTermBytesRead += dataBytesBefore(page, now() - LONG_TERM_MS);
    traffic.got(page.frames, bytes);
    const { next, lastArrivalMs = horizonMs } = page;
    const isBehind = next < shard.bounds().next;
    const position = { ...iterator, streamId: stream.id, position: next, createdMs: now() };
    const goOn =
      isBehind || shard.closed === undefined
        ? { NextShardIterator: sealIterator(sealer, position) }
        : { ChildShards: stream.childrenOf(shard).map((child) => childShard(child.describe())) };
    const MillisBehindLatest = isBehind ? Math.max(1, now() - lastArrivalMs) : 0;
    shard.flow.iteratorAgeMs.note(MillisBehindLatest, now());
    return new RecordsAnswer(shard, page, { ...goOn, MillisBehindLatest });
  },
);

/** AWS takes iterators with the quotes that a shell's JSON tool left around them. */
function unquoted(iterator: string): string {
  return /^"(.*)"$/.exec(iterator)?.[1] ?? iterator;
}

/** As AWS, an iterator goes by the stream's name, and leads to the start of a stream that was made anew. */
function streamOf({ streamName, shardNumber }: ShardIterator, service: StreamService): StreamState {
  const stream = service.lookUp(streamName);
  if (stream !== undefined) return stream;
  throw noSuchShard(shardNumber, streamName, service);
}
