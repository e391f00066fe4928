import { type KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { payloadOf, type ProducerHistory, type RecordId } from "../programs/history.js";

/**
 * Kinesis code as others have it: AWS's SDK straight at the cloud, PutRecords with the SDK's own retries, then its own until
 * all of a batch is in. A batch holds each key once, so that a partial failure cannot turn a key's order round.
 */
export class ForeignProducer {
  readonly #attempted: RecordId[] = [];
  readonly #acknowledged: RecordId[] = [];
  readonly #running: Promise<void>;
  #isFinishing = false;

  constructor(
    readonly name: string,
    client: KinesisClient,
    stream: string,
    keys: readonly string[],
  ) {
    this.#running = this.#run(client, stream, keys);
    this.#running.catch(() => undefined);
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  history(): ProducerHistory {
    return {
      producer: this.name,
      delivery: "at-least-once",
      attempted: this.#attempted,
      acknowledged: this.#acknowledged,
    };
  }

  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#running;
  }

  async #run(client: KinesisClient, StreamName: string, keys: readonly string[]): Promise<void> {
    for (let counter = 1; !this.#isFinishing; counter++) {
      let open = keys.map((key) => ({ producer: this.name, key, counter }));
      this.#attempted.push(...open);
      while (open.length > 0) {
        const Records = open.map((id) => ({ PartitionKey: id.key, Data: payloadOf(id) }));
        const answers = await client.send(new PutRecordsCommand({ StreamName, Records })).then(
          (answer) => answer.Records ?? [],
          // The cloud is down or was killed meanwhile; what became of the batch is unknown, so it goes again.
          () => [],
        );
        this.#acknowledged.push(...open.filter((_, i) => answers[i]?.SequenceNumber !== undefined));
        open = open.filter((_, i) => answers[i]?.SequenceNumber === undefined);
        await pause();
      }
    }
  }
}

/** Keeps the load small, and a cloud that is down from being asked without end. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
