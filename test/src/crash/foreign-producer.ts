import { type KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { payloadOf } from "../programs/history.js";
import { RecordedProducer } from "./recorded-producer.js";

/**
 * Kinesis code as others have it: AWS's SDK straight at the cloud, PutRecords with the SDK's own retries, then its own until
 * all of a batch is in. A batch holds each key once, so that a partial failure cannot turn a key's order round.
 */
export class ForeignProducer extends RecordedProducer {
  constructor(name: string, client: KinesisClient, StreamName: string, keys: readonly string[]) {
    super(name);
    this.start(keys, async (round) => {
      let open = round;
      this.attempting(...open);
      while (open.length > 0) {
        const Records = open.map((id) => ({ PartitionKey: id.key, Data: payloadOf(id) }));
        const answers = await client.send(new PutRecordsCommand({ StreamName, Records })).then(
          (answer) => answer.Records ?? [],
          // The cloud is down or was killed meanwhile; what became of the batch is unknown, so it goes again.
          () => [],
        );
        this.succeeded(...open.filter((_, i) => answers[i]?.SequenceNumber !== undefined));
        open = open.filter((_, i) => answers[i]?.SequenceNumber === undefined);
        await this.pause();
      }
    });
  }
}
