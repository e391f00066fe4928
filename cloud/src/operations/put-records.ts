import { kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { list, structure } from "../codec/shape.js";
import type { BulkAnswer } from "../codec/wire-codec.js";
import { RecordBatch } from "../streams/record-batch.js";
import { hashKey, partitionKey, recordData, streamReference } from "./members.js";
import { encryption } from "./descriptions.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { operation, type Operation, type OperationContext, type RequestFacts } from "./operation.js";
import { readPlainRecords } from "./plain-records.js";
import { PutRecordsAnswer } from "./put-records-answer.js";
import { checkRecordSizes, RECORDS_BODY_BYTES_MAX, toNewRecord } from "./record-input.js";
import { streamNameOf } from "./stream-reference.js";

const entry = structure({
  order: ["PartitionKey", "ExplicitHashKey", "Data"],
  required: { Data: recordData, PartitionKey: partitionKey },
  optional: { ExplicitHashKey: hashKey },
});

export const putRecords: Operation = operation(
  structure({
    required: { Records: list(entry, { min: 1, max: kinesisLimits.putRecordsEntriesMax }) },
    optional: { ...streamReference, ...dryRun },
  }),
  (input, context, facts) => {
    const streamName = streamNameOf(input, context.service);
    const records = RecordBatch.of(input.Records.map(toNewRecord), facts.memory);
    check(streamName, records, context);
    refuseDryRun(input);
    return put(streamName, records, context, facts);
  },
  {
    bodyBytesMax: RECORDS_BODY_BYTES_MAX,
    plain: {
      read: readPlainRecords,
      handle: ({ stream, records }, context, facts) => {
        const streamName = streamNameOf(stream, context.service);
        check(streamName, records, context);
        return put(streamName, records, context, facts);
      },
    },
  },
);

/** @throws {CloudError} `stream-not-found`, `constraint-violated`, `argument-invalid`. */
function check(streamName: string, records: RecordBatch, { service }: OperationContext): void {
  checkRecordSizes(service.find(streamName), records, (i) => `records.${i + 1}.member.data`);
  if (records.limitBytesOfAll <= kinesisLimits.putRecordsBytesMax) return;
  throw new CloudError("argument-invalid", "Records size exceeds 10 MB limit");
}

async function put(
  streamName: string,
  records: RecordBatch,
  { service, traffic }: OperationContext,
  facts: RequestFacts,
): Promise<BulkAnswer> {
  const results = await service.putRecords(streamName, records, facts);
  let bytes = records.limitBytesOfAll;
  let failed = 0;
  for (let i = 0; i < records.count; i++) {
    const failure = results.failure(i);
    if (failure === undefined) continue;
    failed += 1;
    bytes -= records.limitBytes(i);
    traffic.refused(failure.code);
  }
  traffic.put(records.count - failed, bytes);
  return new PutRecordsAnswer(results, failed, encryption(service.lookUp(streamName)));
}
