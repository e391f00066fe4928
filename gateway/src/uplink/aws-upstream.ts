import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import {
  CreateStreamCommand,
  KinesisClient,
  ListShardsCommand,
  type ListShardsCommandOutput,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { formatProducerHeader, PRODUCER_HEADER, type ProducerRequest } from "@headwater/protocol";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Credentials } from "../control/sign-upgrade.js";
import type { CallSlots } from "./call-slots.js";
import { toUpstreamError } from "./to-upstream-error.js";
import { unlessAborted } from "./unless-aborted.js";
import { type EntryResult, type PutEntry, type Upstream, UpstreamError, type UpstreamShard } from "./upstream.js";

export interface AwsUpstreamOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Calls at a time, and so sockets. */
  readonly slots: CallSlots;
  readonly requestTimeoutMs: number;
}

const CONNECTION_TIMEOUT_MS = 5_000;

/**
 * The upstream over the AWS SDK. Its own retries are off: a request is repeated by who knows its name, so that it is the
 * same each time. Credentials are found as any AWS client finds them.
 */
export class AwsUpstream implements Upstream {
  readonly #client: KinesisClient;
  readonly #options: AwsUpstreamOptions;

  constructor(options: AwsUpstreamOptions) {
    this.#options = options;
    const agent = { keepAlive: true, maxSockets: options.slots.slotsMax };
    this.#client = new KinesisClient({
      endpoint: options.endpoint,
      region: options.region,
      credentials: options.credentials,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent(agent),
        connectionTimeout: CONNECTION_TIMEOUT_MS,
      }),
    });
  }

  async listShards(stream: string, signal: AbortSignal): Promise<UpstreamShard[]> {
    const shards: UpstreamShard[] = [];
    let nextToken: string | undefined;
    do {
      const input = nextToken === undefined ? { StreamName: stream } : { NextToken: nextToken };
      const answer: ListShardsCommandOutput = await this.#call(signal, (abortSignal) =>
        this.#client.send(new ListShardsCommand(input), { abortSignal }),
      );
      for (const { ShardId, HashKeyRange, SequenceNumberRange } of answer.Shards ?? []) {
        // A shard with an end takes no writes.
        if (SequenceNumberRange?.EndingSequenceNumber !== undefined) continue;
        const { StartingHashKey, EndingHashKey } = HashKeyRange ?? {};
        if (ShardId === undefined || StartingHashKey === undefined || EndingHashKey === undefined) {
          throw new UpstreamError("unreachable", "ListShards answered a shard without id or range");
        }
        shards.push({
          shardId: ShardId,
          startingHashKey: BigInt(StartingHashKey),
          endingHashKey: BigInt(EndingHashKey),
        });
      }
      nextToken = answer.NextToken;
    } while (nextToken !== undefined);
    return byHashKey(shards);
  }

  async createStream(stream: string, signal: AbortSignal): Promise<void> {
    await this.#call(signal, (abortSignal) =>
      this.#client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 1 }), { abortSignal }),
    );
  }

  async putRecords(
    stream: string,
    entries: readonly PutEntry[],
    name: ProducerRequest,
    signal: AbortSignal,
  ): Promise<EntryResult[]> {
    const command = new PutRecordsCommand({
      StreamName: stream,
      Records: entries.map(({ data, partitionKey, explicitHashKey }) => ({
        Data: data,
        PartitionKey: partitionKey,
        ExplicitHashKey: explicitHashKey,
      })),
    });
    // Before the signature, which covers it.
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers[PRODUCER_HEADER] = formatProducerHeader(name);
        return next(args);
      },
      { step: "build", name: "producerHeader" },
    );
    const { Records: results = [] } = await this.#call(signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    if (results.length !== entries.length) {
      throw new UpstreamError("unreachable", `${results.length} results for ${entries.length} entries`);
    }
    return results.map(({ ShardId, ErrorCode, ErrorMessage }) => {
      if (ErrorCode !== undefined) return { errorCode: ErrorCode, message: ErrorMessage ?? "" };
      if (ShardId === undefined) throw new UpstreamError("unreachable", "PutRecords answered a record without shard");
      return { shardId: ShardId };
    });
  }

  close(): void {
    this.#client.destroy();
  }

  async #call<T>(signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { slots, requestTimeoutMs } = this.#options;
    await slots.take(signal);
    // Not AbortSignal.any and timeout: the one leaves something behind with each call, the other keeps all of the call
    // until the time is over.
    const call = new AbortController();
    const onAbort = (): void => call.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(
      () => call.abort(new UpstreamError("unreachable", `no answer within ${requestTimeoutMs} ms`)),
      requestTimeoutMs,
    );
    try {
      // The SDK hears an abort only once it has credentials.
      return await unlessAborted(send(call.signal), call.signal);
    } catch (error) {
      call.signal.throwIfAborted();
      throw toUpstreamError(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      slots.giveBack();
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
