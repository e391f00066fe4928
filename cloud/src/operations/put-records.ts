import { kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { list, structure } from "../codec/shape.js";
import { wireError } from "../http/wire-errors.js";
import { explicitHashKey, partitionKey, recordData, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { RECORDS_BODY_BYTES_MAX, recordBytes, toNewRecord } from "./record-input.js";
import { streamNameOf } from "./stream-reference.js";

const entry = structure({
  required: { Data: recordData, PartitionKey: partitionKey },
  optional: { ExplicitHashKey: explicitHashKey },
});

export const putRecords = operation(
  structure({
    required: { Records: list(entry, { min: 1, max: kinesisLimits.putRecordsEntriesMax }) },
    optional: streamReference,
  }),
  async (input, { service, traffic }, { producer }) => {
    const streamName = streamNameOf(input, service);
    const records = input.Records.map((record, i) => toNewRecord(record, `records.${i + 1}.member.data`));
    const sizes = records.map(({ data, partitionKey }) => recordBytes(data, partitionKey));
    if (sizes.reduce((sum, size) => sum + size, 0) > kinesisLimits.putRecordsBytesMax) {
      throw new CloudError("argument-invalid", "Records size exceeds 10 MB limit");
    }
    let stored = 0;
    let storedBytes = 0;
    const results = await service.putRecords(streamName, records, producer);
    const entries = results.map(({ shardId, outcome }, i) => {
      if (outcome instanceof CloudError) {
        const { type, message } = wireError(outcome);
        traffic.refused(outcome.code);
        return { ErrorCode: type, ErrorMessage: message };
      }
      stored += 1;
      storedBytes += sizes[i] ?? 0;
      return { SequenceNumber: outcome, ShardId: shardId };
    });
    traffic.put(stored, storedBytes);
    return { FailedRecordCount: entries.length - stored, Records: entries, EncryptionType: "NONE" };
  },
  RECORDS_BODY_BYTES_MAX,
);
