import { randomUUID } from "node:crypto";
import type { Clock } from "@headwater/log";
import type { Catalog, StoredConsumer } from "../catalog/catalog.js";
import { CloudError } from "../cloud-error.js";

/** Consumers that a stream may have registered. Source: Kinesis Data Streams quotas. */
const CONSUMERS_MAX = 20;

/** A registered consumer of enhanced fan-out, as its users see it. */
export interface Consumer extends StoredConsumer {
  readonly arn: string;
  readonly streamArn: string;
}

/** The stream that a consumer belongs to. */
export interface ConsumedStream {
  readonly id: string;
  readonly arn: string;
}

export interface ConsumersSurroundings {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly accountId: string;
  /** @throws {CloudError} `stream-not-found`. */
  readonly stream: (streamName: string) => ConsumedStream;
  /** One change of the catalog after the other. */
  readonly change: <T>(change: () => Promise<T>) => Promise<T>;
}

/** The consumers registered with all streams. */
export class Consumers {
  readonly #surroundings: ConsumersSurroundings;
  readonly #byArn = new Map<string, Consumer>();

  constructor(surroundings: ConsumersSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Takes up what the catalog knows of one stream's consumers. */
  adopt(stream: ConsumedStream, stored: readonly StoredConsumer[]): void {
    for (const consumer of stored) {
      if (consumer.streamId === stream.id) this.#add(consumer, stream);
    }
  }

  /** By name. @throws {CloudError} `stream-not-found`. */
  of(streamName: string): Consumer[] {
    const { id } = this.#surroundings.stream(streamName);
    const all = [...this.#byArn.values()].filter(({ streamId }) => streamId === id);
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws {CloudError} `consumer-not-found`. */
  find(arn: string): Consumer {
    const consumer = this.#byArn.get(arn);
    if (consumer === undefined) throw this.#notFound(arn);
    return consumer;
  }

  /** @throws {CloudError} `stream-not-found`, `consumer-not-found`. */
  findByName(streamName: string, name: string): Consumer {
    const consumer = this.of(streamName).find((one) => one.name === name);
    if (consumer === undefined) throw this.#notFound(name);
    return consumer;
  }

  /**
   * Resolves once it is durable and may subscribe.
   * @throws {CloudError} `stream-not-found`, `consumer-exists`, `limit-exceeded`.
   */
  register(streamName: string, name: string, tags: Readonly<Record<string, string>>): Promise<Consumer> {
    const { catalog, clock, accountId, stream: streamNamed, change } = this.#surroundings;
    return change(async () => {
      const stream = streamNamed(streamName);
      const others = this.of(streamName);
      if (others.some((other) => other.name === name)) {
        throw new CloudError(
          "consumer-exists",
          `Consumer ${name} under stream ${streamName} already exists for account ${accountId}.`,
        );
      }
      if (others.length >= CONSUMERS_MAX) {
        throw new CloudError(
          "limit-exceeded",
          `Stream ${streamName} under account ${accountId} has ${CONSUMERS_MAX} registered consumers, which is the limit.`,
        );
      }
      const stored = { id: randomUUID(), streamId: stream.id, name, createdMs: clock.now(), tags };
      await catalog.addConsumer(stored);
      return this.#add(stored, stream);
    });
  }

  /** @throws {CloudError} `consumer-not-found`. */
  deregister(arn: string): Promise<void> {
    return this.#surroundings.change(async () => {
      await this.#surroundings.catalog.removeConsumer(this.find(arn).id);
      this.#byArn.delete(arn);
    });
  }

  /** @throws {CloudError} `consumer-not-found`, and what `change` throws. */
  change(arn: string, change: (consumer: StoredConsumer) => StoredConsumer): Promise<void> {
    return this.#surroundings.change(async () => {
      const { arn: _arn, streamArn, ...stored } = this.find(arn);
      const changed = change(stored);
      await this.#surroundings.catalog.setConsumer(changed);
      this.#byArn.set(arn, { ...changed, arn, streamArn });
    });
  }

  /** Forgets a deleted stream's. The catalog forgets them with the stream. */
  forget(streamId: string): void {
    for (const [arn, consumer] of this.#byArn) {
      if (consumer.streamId === streamId) this.#byArn.delete(arn);
    }
  }

  #add(stored: StoredConsumer, stream: ConsumedStream): Consumer {
    const arn = `${stream.arn}/consumer/${stored.name}:${Math.floor(stored.createdMs / 1000)}`;
    const consumer = { ...stored, arn, streamArn: stream.arn };
    this.#byArn.set(arn, consumer);
    return consumer;
  }

  #notFound(what: string): CloudError {
    const { accountId } = this.#surroundings;
    return new CloudError("consumer-not-found", `Consumer ${what}, account ${accountId} not found.`);
  }
}
