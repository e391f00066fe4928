import { kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { list, structure } from "../codec/shape.js";
import type { BulkAnswer, Output } from "../codec/wire-codec.js";
import { wireError } from "../http/wire-errors.js";
import type { PutResults } from "../streams/put-results.js";
import { RecordBatch } from "../streams/record-batch.js";
import { hashKey, partitionKey, recordData, streamReference } from "./members.js";
import { encryption } from "./descriptions.js";
import { dryRun, refuseDryRun } from "./dry-run.js";
import { operation, type Operation, type OperationContext, type RequestFacts } from "./operation.js";
import { readPlainRecords } from "./plain-records.js";
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
    const records = RecordBatch.of(input.Records.map(toNewRecord));
    check(streamName, records, context);
    refuseDryRun(input);
    return put(streamName, records, context, facts);
  },
  {
    bodyBytesMax: RECORDS_BODY_BYTES_MAX,
    plain: {
      read: readPlainRecords,
      handle: (input, context, facts) => {
        const streamName = streamNameOf(input, context.service);
        check(streamName, input.records, context);
        return put(streamName, input.records, context, facts);
      },
    },
  },
);

/** @throws {CloudError} `stream-not-found`, `constraint-violated`, `argument-invalid`. */
function check(streamName: string, records: RecordBatch, { service }: OperationContext): void {
  checkRecordSizes(service.find(streamName), records, (i) => `records.${i + 1}.member.data`);
  if (bytesOf(records) <= kinesisLimits.putRecordsBytesMax) return;
  throw new CloudError("argument-invalid", "Records size exceeds 10 MB limit");
}

function bytesOf(records: RecordBatch): number {
  let bytes = 0;
  for (let i = 0; i < records.count; i++) bytes += records.limitBytes(i);
  return bytes;
}

async function put(
  streamName: string,
  records: RecordBatch,
  { service, traffic }: OperationContext,
  facts: RequestFacts,
): Promise<BulkAnswer> {
  const results = await service.putRecords(streamName, records, facts);
  let bytes = bytesOf(records);
  let failed = 0;
  for (let i = 0; i < records.count; i++) {
    const failure = results.failure(i);
    if (failure === undefined) continue;
    failed += 1;
    bytes -= records.limitBytes(i);
    traffic.refused(failure.code);
  }
  traffic.put(records.count - failed, bytes);
  return new PutRecordsAnswer(results, records.count, failed, encryption(service.lookUp(streamName)));
}

class PutRecordsAnswer implements BulkAnswer {
  constructor(
    readonly results: PutResults,
    readonly count: number,
    readonly failed: number,
    readonly rest: { readonly EncryptionType?: string },
  ) {}

  toValues(): Output {
    const Records = Array.from({ length: this.count }, (_, i) => this.#refused(i) ?? this.#stored(i));
    return { FailedRecordCount: this.failed, Records, ...this.rest };
  }

  toJson(): string {
    const { results } = this;
    let json = `{"FailedRecordCount":${this.failed},"Records":[`;
    for (let i = 0; i < this.count; i++) {
      if (i > 0) json += ",";
      const refused = this.#refused(i);
      // Neither a sequence number nor a shard's id has anything to escape.
      if (refused !== undefined) json += JSON.stringify(refused);
      else json += `{"SequenceNumber":"${results.sequenceNumber(i)}","ShardId":"${results.shardId(i)}"}`;
    }
    const { EncryptionType: type } = this.rest;
    return `${json}]${type === undefined ? "" : `,"EncryptionType":"${type}"`}}`;
  }

  #stored(i: number): { SequenceNumber: string; ShardId: string } {
    return { SequenceNumber: this.results.sequenceNumber(i), ShardId: this.results.shardId(i) };
  }

  #refused(i: number): { ErrorCode: string; ErrorMessage: string } | undefined {
    const failure = this.results.failure(i);
    if (failure === undefined) return undefined;
    const { type, message } = wireError(failure);
    return { ErrorCode: type, ErrorMessage: message };
  }
}
