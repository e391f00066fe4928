import { parseSequenceNumber } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import type { StreamService } from "../streams/stream-service.js";
import { explicitHashKey, partitionKey, recordData, sequenceNumber, streamReference } from "./members.js";
import { operation } from "./operation.js";
import { RECORDS_BODY_BYTES_MAX, recordBytes, toNewRecord } from "./record-input.js";
import { streamNameOf } from "./stream-reference.js";

export const putRecord = operation(
  structure({
    required: { Data: recordData, PartitionKey: partitionKey },
    optional: { ...streamReference, ExplicitHashKey: explicitHashKey, SequenceNumberForOrdering: sequenceNumber },
  }),
  async (input, { service, traffic }, { producer }) => {
    const streamName = streamNameOf(input, service);
    const record = toNewRecord(input, "data");
    if (input.SequenceNumberForOrdering !== undefined) {
      checkOrdering(input.SequenceNumberForOrdering, streamName, service);
    }
    const [result] = await service.putRecords(streamName, [record], producer);
    if (result === undefined) throw new RangeError("a put record has no result");
    if (result.outcome instanceof CloudError) throw result.outcome;
    traffic.put(1, recordBytes(record.data, record.partitionKey));
    return { ShardId: result.shardId, SequenceNumber: result.outcome, EncryptionType: "NONE" };
  },
  RECORDS_BODY_BYTES_MAX,
);

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
