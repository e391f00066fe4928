import { parseSequenceNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import type { Output } from "../codec/wire-codec.js";
import { RecordBatch } from "../streams/record-batch.js";
import { hashKey, partitionKey, recordData, sequenceNumber, streamReference } from "./members.js";
import { readAwsSequenceNumber } from "./aws-sequence-number.js";
import { encryption } from "./descriptions.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { operation, type Operation, type OperationContext, type RequestFacts } from "./operation.js";
import { readPlainRecord } from "./plain-records.js";
import { checkRecordSizes, RECORDS_BODY_BYTES_MAX, toNewRecord } from "./record-input.js";
import { streamNameOf } from "./stream-reference.js";

export const putRecord: Operation = operation(
  structure({
    order: ["SequenceNumberForOrdering", "PartitionKey", "ExplicitHashKey", "Data", "StreamName"],
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
      checkOrdering(input.SequenceNumberForOrdering, streamName, context);
    }
    const records = RecordBatch.of([record], facts.memory);
    checkRecordSizes(context.service.find(streamName), records, () => "data");
    refuseDryRun(input);
    return put(streamName, records, context, facts);
  },
  {
    bodyBytesMax: RECORDS_BODY_BYTES_MAX,
    plain: {
      read: readPlainRecord,
      handle: ({ stream, records }, context, facts) => {
        const streamName = streamNameOf(stream, context.service);
        checkRecordSizes(context.service.find(streamName), records, () => "data");
        return put(streamName, records, context, facts);
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
  const stored = { ShardId: results.shardId(0), SequenceNumber: results.sequenceNumber(0) };
  const { EncryptionType } = encryption(service.lookUp(streamName));
  return EncryptionType === undefined ? stored : { ...stored, EncryptionType };
}

/**
 * A shard's sequence numbers always rise, so all that is left to do is to refuse numbers that nobody gave. AWS's own come
 * from producers that were moved here, and AWS does not ask of which stream a number is.
 */
function checkOrdering(text: string, streamName: string, { service, now }: OperationContext): void {
  const given = parseSequenceNumber(text);
  const shard = service.find(streamName).shards.find(({ epoch }) => epoch === given?.shardEpoch);
  if (given !== undefined && shard !== undefined && given.position <= shard.bounds().next) return;
  const ofAws = readAwsSequenceNumber(text);
  if (ofAws !== undefined && (ofAws.timeMs ?? 0) <= now()) return;
  throw new CloudError(
    "argument-invalid",
    `ExclusiveMinimumSequenceNumber ${text} used in PutRecord on stream ${streamName} ` +
      `under account ${service.accountId} is invalid.`,
  );
}
