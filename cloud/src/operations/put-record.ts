import { parseSequenceNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import type { Output } from "../codec/wire-codec.js";
import { RecordBatch } from "../streams/record-batch.js";
import type { StreamService } from "../streams/stream-service.js";
import { hashKey, partitionKey, recordData, sequenceNumber, streamReference } from "./members.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { operation, type Operation, type OperationContext, type RequestFacts } from "./operation.js";
import { readPlainRecord } from "./plain-records.js";
import { checkRecordSizes, RECORDS_BODY_BYTES_MAX, toNewRecord } from "./record-input.js";
import { streamNameOf } from "./stream-reference.js";

export const putRecord: Operation = operation(
  structure({
    required: { Data: recordData, PartitionKey: partitionKey },
    optional: {
      ...streamReference,
      ExplicitHashKey: hashKey,
      SequenceNumberForOrdering: sequenceNumber,
      ...dryRun,
    },
  }),
  (input, context, facts) => {
    const streamName = streamNameOf(input, context.service);
    const record = toNewRecord(input);
    if (input.SequenceNumberForOrdering !== undefined) {
      checkOrdering(input.SequenceNumberForOrdering, streamName, context.service);
    }
    const records = RecordBatch.of([record]);
    checkRecordSizes(context.service.find(streamName), records, () => "data");
    refuseDryRun(input);
    return put(streamName, records, context, facts);
  },
  {
    bodyBytesMax: RECORDS_BODY_BYTES_MAX,
    plain: {
      read: readPlainRecord,
      handle: (input, context, facts) => {
        const streamName = streamNameOf(input, context.service);
        checkRecordSizes(context.service.find(streamName), input.records, () => "data");
        return put(streamName, input.records, context, facts);
      },
    },
  },
);

async function put(
  streamName: string,
  records: RecordBatch,
  { service, traffic }: OperationContext,
  facts: RequestFacts,
): Promise<Output> {
  const results = await service.putRecords(streamName, records, facts);
  const failure = results.failure(0);
  if (failure !== undefined) throw failure;
  traffic.put(1, records.limitBytes(0));
  return { ShardId: results.shardId(0), SequenceNumber: results.sequenceNumber(0), EncryptionType: "NONE" };
}

/** A shard's sequence numbers always rise, so all that is left to do is to refuse numbers that we never gave. */
function checkOrdering(text: string, streamName: string, service: StreamService): void {
  const given = parseSequenceNumber(text);
  const shard = service.find(streamName).shards.find(({ epoch }) => epoch === given?.shardEpoch);
  if (given !== undefined && shard !== undefined && given.position <= shard.bounds().next) return;
  throw new CloudError(
    "argument-invalid",
    `ExclusiveMinimumSequenceNumber ${text} used in PutRecord on stream ${streamName} ` +
      `under account ${service.accountId} is invalid.`,
  );
}
