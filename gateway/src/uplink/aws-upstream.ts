import { AwsStreamApi } from "@headwater/client/kinesis";
import type { ProducerRequest } from "@headwater/protocol";
import type { Credentials } from "../control/sign-upgrade.js";
import type { CallSlots } from "./call-slots.js";
import { toUpstreamError } from "./to-upstream-error.js";
import { type EntryResult, type PutEntry, type Upstream, UpstreamError, type UpstreamShard } from "./upstream.js";

export interface AwsUpstreamOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Calls at a time, and so sockets. */
  readonly slots: CallSlots;
  readonly requestTimeoutMs: number;
}

/** The upstream over the AWS SDK. A request is repeated by who knows its name, so that it is the same each time. */
export class AwsUpstream implements Upstream {
  readonly #api: AwsStreamApi;
  readonly #slots: CallSlots;

  constructor({ endpoint, region, credentials, slots, requestTimeoutMs }: AwsUpstreamOptions) {
    this.#slots = slots;
    this.#api = new AwsStreamApi(
      { endpoint, region, credentials },
      { answerMs: requestTimeoutMs, silenceMs: requestTimeoutMs, socketsMax: slots.slotsMax },
    );
  }

  async listShards(stream: string, signal: AbortSignal): Promise<UpstreamShard[]> {
    const shards = await this.#call(signal, () => this.#api.listShards(stream, undefined, signal));
    return byHashKey(shards.filter(({ isOpen }) => isOpen));
  }

  createStream(stream: string, signal: AbortSignal): Promise<void> {
    return this.#call(signal, () => this.#api.createStream(stream, signal));
  }

  putRecords(
    stream: string,
    entries: readonly PutEntry[],
    name: ProducerRequest,
    signal: AbortSignal,
  ): Promise<EntryResult[]> {
    return this.#call(signal, () => this.#api.putRecords(stream, entries, name, signal));
  }

  close(): void {
    this.#api.close();
  }

  async #call<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#slots.take(signal);
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw toUpstreamError(error);
    } finally {
      this.#slots.giveBack();
    }
  }
}

/** @throws {UpstreamError} where the ranges leave a hole: a listing in the middle of a reshard. */
function byHashKey(shards: UpstreamShard[]): UpstreamShard[] {
  const sorted = shards.sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));
  let from = 0n;
  for (const { startingHashKey, endingHashKey } of sorted) {
    if (startingHashKey !== from) break;
    from = endingHashKey + 1n;
  }
  if (from !== 1n << 128n) throw new UpstreamError("throttled", "the open shards do not cover all hash keys");
  return sorted;
}
