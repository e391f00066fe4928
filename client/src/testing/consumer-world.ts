import { onTestFinished } from "vitest";
import { Consumer } from "../consumer/consumer.js";
import type { ConsumerEvent } from "../consumer/consumer-event.js";
import type { ConsumerOptions } from "../consumer/consumer-options.js";
import type { ConsumerRecord } from "../consumer/consumer-record.js";
import type { LeaseStore } from "../leases/lease-store.js";
import { MemoryLeaseStore } from "../leases/memory-lease-store.js";
import { ManualClock } from "./manual-clock.js";
import { ScriptedKinesis } from "./scripted-kinesis.js";

export const failoverTimeMs = 3_000;

/** Consumers of one scripted stream, on a clock that a test moves. */
export class World {
  readonly clock = new ManualClock();
  readonly kinesis: ScriptedKinesis;
  readonly leases = new MemoryLeaseStore();
  readonly events: ConsumerEvent[] = [];

  constructor(shards: number) {
    this.kinesis = new ScriptedKinesis(this.clock, shards);
  }

  async open(options: Partial<ConsumerOptions> = {}, store: LeaseStore = this.leases): Promise<Consumer> {
    const parts = { api: this.kinesis, store, clock: this.clock, random: () => 0.5 };
    const whole = {
      stream: "s",
      application: "a",
      failoverTimeMs,
      report: (event: ConsumerEvent) => void this.events.push(event),
      ...options,
    };
    const consumer = await this.#timed(Consumer.open(whole, parts));
    onTestFinished(() => this.close(consumer));
    return consumer;
  }

  close(consumer: Consumer): Promise<void> {
    return this.#timed(consumer.close());
  }

  /** Lets time pass until it is done. */
  async #timed<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    void work.then(
      () => (isDone = true),
      () => (isDone = true),
    );
    await this.clock.until(() => isDone, 120_000, 10);
    return await work;
  }

  types(): string[] {
    return this.events.map((event) => `${event.type} ${"shardId" in event ? (event.shardId?.slice(-1) ?? "") : ""}`);
  }
}

/** A loop that notes what it sees. */
export class Loop {
  readonly seen: ConsumerRecord[] = [];
  failure: unknown;
  isOver = false;

  constructor(consumer: Consumer, body: (record: ConsumerRecord) => Promise<void> | void = () => undefined) {
    void this.#run(consumer, body);
  }

  get data(): string[] {
    return this.seen.map(({ data }) => Buffer.from(data).toString());
  }

  async #run(consumer: Consumer, body: (record: ConsumerRecord) => Promise<void> | void): Promise<void> {
    try {
      for await (const record of consumer) {
        this.seen.push(record);
        await body(record);
      }
    } catch (error) {
      this.failure = error;
    }
    this.isOver = true;
  }
}
