import type { ProducerRequest } from "@headwater/protocol";
import { RecordBatch } from "../streams/record-batch.js";
import { decodeRecord } from "../streams/stored-record.js";
import type { StreamService } from "../streams/stream-service.js";
import type { StreamState } from "../streams/stream-state.js";

const SPOOL = "00000000-0000-4000-8000-000000000000";
const PAGE = { frames: 7, bytes: 1 << 20 };

/**
 * A producer that numbers the records of its keys and names its requests. What fails is sent again under the same name;
 * now and then a request is sent again though it was answered.
 */
export class KeyedWriter {
  /** Records written and acknowledged, by key. */
  readonly acknowledged = new Map<string, number>();
  #request = 0;

  constructor(
    readonly name: string,
    readonly keys: readonly string[],
  ) {}

  /** Writes one record to each key. Resolves when all are acknowledged; answers where they lie. */
  async write(service: StreamService, streamName: string): Promise<string[]> {
    const values = this.keys.map((key) => this.acknowledged.get(key) ?? 0);
    const places = await this.send(service, streamName, this.#request);
    if (places.includes("")) throw new Error("a record was refused");
    this.#request += 1;
    for (const [i, key] of this.keys.entries()) this.acknowledged.set(key, (values[i] ?? 0) + 1);
    return places;
  }

  /** Sends request `number` once; answers each record's shard and sequence number, empty where it was refused. */
  async send(service: StreamService, streamName: string, number: number): Promise<string[]> {
    const records = RecordBatch.of(
      this.keys.map((partitionKey) => ({ partitionKey, data: Buffer.from(String(number)) })),
    );
    const producer: ProducerRequest = { producer: this.name, spoolId: SPOOL, request: number };
    const results = await service.putRecords(streamName, records, { producer });
    return this.keys.map((_, i) =>
      results.failure(i) === undefined ? `${results.shardId(i)} ${results.sequenceNumber(i)}` : "",
    );
  }

  /** How many requests were acknowledged. */
  get requests(): number {
    return this.#request;
  }
}

/** What lies in a stream's shards, parents before children, by key. */
export async function valuesByKey(stream: StreamState): Promise<Map<string, number[]>> {
  const values = new Map<string, number[]>();
  for (const shard of stream.shards) {
    let { first: position } = shard.bounds();
    while (position < shard.bounds().next) {
      const { frames, next } = await shard.read(position, PAGE);
      position = next;
      for (const frame of frames) {
        const { partitionKey, data } = decodeRecord(frame.data);
        const known = values.get(partitionKey);
        if (known === undefined) values.set(partitionKey, [Number(data)]);
        else known.push(Number(data));
      }
    }
  }
  return values;
}

/** What valuesByKey has to answer: each acknowledged record once, in order. */
export function expectedValues(writers: readonly KeyedWriter[]): Map<string, number[]> {
  return new Map(
    writers.flatMap(({ acknowledged }) =>
      [...acknowledged].map(([key, count]) => [key, Array.from({ length: count }, (_, i) => i)] as const),
    ),
  );
}
