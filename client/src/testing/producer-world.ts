import { readAggregate } from "@headwater/protocol";
import { onTestFinished } from "vitest";
import { Producer, type ProducerOptions } from "../producer/producer.js";
import { ManualClock } from "./manual-clock.js";
import { ScriptedKinesis } from "./scripted-kinesis.js";

/** A producer of one scripted stream, on a clock that a test moves. */
export class ProducerWorld {
  readonly clock = new ManualClock();
  readonly kinesis: ScriptedKinesis;
  readonly producer: Producer;
  readonly failures: string[] = [];

  constructor(shards: number, options: ProducerOptions = {}) {
    this.kinesis = new ScriptedKinesis(this.clock, shards);
    this.producer = new Producer(
      { stream: "s", report: ({ error }) => void this.failures.push(error.code), ...options },
      { api: this.kinesis, clock: this.clock, random: () => 0.5 },
    );
    onTestFinished(() => this.producer.close(AbortSignal.abort()).catch(() => undefined));
  }

  get puts(): number {
    return this.kinesis.calls.filter(({ call }) => call === "putRecords").length;
  }

  /** Lets time pass until it is settled. */
  async settled<T>(work: Promise<T>, withinMs = 600_000): Promise<T> {
    let isDone = false;
    void work.then(
      () => (isDone = true),
      () => (isDone = true),
    );
    await this.clock.until(() => isDone, withinMs, 10);
    return await work;
  }

  /** What is stored, user record by user record, per key, without what consumers leave out. */
  storedByKey(): Map<string, string[]> {
    const byKey = new Map<string, string[]>();
    for (const shard of this.kinesis.shards) {
      for (const record of shard.records) {
        for (const { partitionKey, data } of readAggregate(record.data) ?? [record]) {
          if (!this.kinesis.belongs(partitionKey, shard)) continue;
          byKey.set(partitionKey, [...(byKey.get(partitionKey) ?? []), Buffer.from(data).toString()]);
        }
      }
    }
    return byKey;
  }
}
