import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import {
  type _Record as AwsRecord,
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  type KinesisClientConfig,
  ListShardsCommand,
  type ListShardsCommandOutput,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  ResourceInUseException,
  type Shard as AwsShard,
} from "@aws-sdk/client-kinesis";
import { formatProducerHeader, PRODUCER_HEADER, type ProducerRequest } from "@headwater/protocol";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { backoffMs } from "../backoff.js";
import { ClientError } from "../client-error.js";
import { systemClock } from "../clock.js";
import { awsCall } from "./aws-call.js";
import type {
  PushedPage,
  PutEntry,
  PutResult,
  RawRecord,
  ReadFrom,
  RecordPage,
  Shard,
  StreamApi,
} from "./stream-api.js";
import { subscription } from "./subscription.js";

/**
 * Where Kinesis and DynamoDB are and who asks: as the AWS SDK's clients take it. What is left out is found as any AWS
 * client finds it, in the environment and the shared files.
 */
export type AwsConnection = Pick<KinesisClientConfig, "endpoint" | "region" | "credentials">;

export interface AwsCallLimits {
  /** A call without an answer by then has failed. */
  readonly answerMs: number;
  /** And so has one whose connection says nothing for so long: it may be gone without a word. */
  readonly silenceMs: number;
  /** Calls at a time. */
  readonly socketsMax: number;
}

const CONNECT_MS = 5_000;
/** A call for each shard of a large stream. */
const LIMITS: AwsCallLimits = { answerMs: 30_000, silenceMs: 10_000, socketsMax: 256 };

/** Kinesis over the AWS SDK. Its own retries are off: a put that is repeated has to be the same, under the same name. */
export class AwsStreamApi implements StreamApi {
  readonly #connection: AwsConnection;
  readonly #limits: AwsCallLimits;
  readonly #client: KinesisClient;
  #pushing: KinesisClient | undefined;

  constructor(connection: AwsConnection, limits: AwsCallLimits = LIMITS) {
    const { silenceMs, socketsMax } = limits;
    const agent = { keepAlive: true, maxSockets: socketsMax };
    this.#connection = { ...connection };
    this.#limits = limits;
    this.#client = new KinesisClient({
      ...connection,
      maxAttempts: 1,
      // HTTP/1.1: by HTTP/2, the SDK's client for Kinesis opens a connection for every call.
      requestHandler: new NodeHttpHandler({
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent(agent),
        connectionTimeout: CONNECT_MS,
        socketTimeout: silenceMs,
      }),
    });
  }

  async listShards(stream: string, fromMs: number | undefined, signal: AbortSignal): Promise<Shard[]> {
    const filter =
      fromMs === undefined ? {} : { ShardFilter: { Type: "FROM_TIMESTAMP" as const, Timestamp: new Date(fromMs) } };
    const shards: Shard[] = [];
    let nextToken: string | undefined;
    do {
      const input = nextToken === undefined ? { StreamName: stream, ...filter } : { NextToken: nextToken };
      const answer: ListShardsCommandOutput = await this.#call(signal, (abortSignal) =>
        this.#client.send(new ListShardsCommand(input), { abortSignal }),
      );
      shards.push(...(answer.Shards ?? []).map(toShard));
      nextToken = answer.NextToken;
    } while (nextToken !== undefined);
    return shards;
  }

  async nowMs(stream: string, signal: AbortSignal): Promise<number> {
    // The least of the calls that every reader may make: every answer has the time.
    const command = new ListShardsCommand({ StreamName: stream, MaxResults: 1 });
    let date: string | undefined;
    command.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        ({ date } = (answer.response as { readonly headers: Readonly<Record<string, string>> }).headers);
        return answer;
      },
      { step: "deserialize", name: "dateOfAnswer" },
    );
    await this.#call(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    const timeMs = Date.parse(date ?? "");
    if (Number.isNaN(timeMs)) throw new ClientError("unreachable", "ListShards answered without a date");
    return timeMs;
  }

  async shardIterator(stream: string, shardId: string, from: ReadFrom, signal: AbortSignal): Promise<string> {
    const command = new GetShardIteratorCommand({
      StreamName: stream,
      ShardId: shardId,
      ShardIteratorType: from.type,
      ...("timestampMs" in from ? { Timestamp: new Date(from.timestampMs) } : {}),
      ...("sequenceNumber" in from ? { StartingSequenceNumber: from.sequenceNumber } : {}),
    });
    const { ShardIterator } = await this.#call(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    if (ShardIterator === undefined) throw new ClientError("unreachable", "GetShardIterator answered no iterator");
    return ShardIterator;
  }

  async getRecords(iterator: string, signal: AbortSignal): Promise<RecordPage> {
    const command = new GetRecordsCommand({ ShardIterator: iterator });
    const answer = await this.#call(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    return {
      records: (answer.Records ?? []).map(toRecord),
      nextIterator: answer.NextShardIterator,
      behindMs: answer.MillisBehindLatest ?? 0,
    };
  }

  async registerConsumer(stream: string, name: string, signal: AbortSignal): Promise<string> {
    const { StreamDescriptionSummary: summary } = await this.#call(signal, (abortSignal) =>
      this.#client.send(new DescribeStreamSummaryCommand({ StreamName: stream }), { abortSignal }),
    );
    const of = { StreamARN: summary?.StreamARN, ConsumerName: name };
    try {
      await this.#call(signal, (abortSignal) =>
        this.#client.send(new RegisterStreamConsumerCommand(of), { abortSignal }),
      );
    } catch (error) {
      // It is registered.
      if (!(error instanceof ClientError && error.cause instanceof ResourceInUseException)) throw error;
    }
    for (let waits = 0; ; waits++) {
      const { ConsumerDescription: consumer } = await this.#call(signal, (abortSignal) =>
        this.#client.send(new DescribeStreamConsumerCommand(of), { abortSignal }),
      );
      if (consumer?.ConsumerStatus === "ACTIVE" && consumer.ConsumerARN !== undefined) return consumer.ConsumerARN;
      await systemClock.sleep(backoffMs("throttled", waits, 0), signal);
    }
  }

  async *subscribe(
    consumerArn: string,
    shardId: string,
    from: ReadFrom,
    signal: AbortSignal,
  ): AsyncGenerator<PushedPage, void, undefined> {
    // One event stream a connection, by HTTP/2.
    this.#pushing ??= new KinesisClient({ ...this.#connection, maxAttempts: 1 });
    for await (const event of subscription(this.#pushing, consumerArn, shardId, from, signal)) {
      yield {
        records: (event.Records ?? []).map(toRecord),
        behindMs: event.MillisBehindLatest ?? 0,
        continuation: event.ContinuationSequenceNumber,
      };
    }
  }

  async putRecords(
    stream: string,
    entries: readonly PutEntry[],
    name: ProducerRequest,
    signal: AbortSignal,
  ): Promise<PutResult[]> {
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
      throw new ClientError("unreachable", `${results.length} results for ${entries.length} entries`);
    }
    return results.map(({ ShardId, SequenceNumber, ErrorCode, ErrorMessage }) => {
      if (ErrorCode !== undefined) return { errorCode: ErrorCode, message: ErrorMessage ?? "" };
      if (ShardId === undefined || SequenceNumber === undefined) {
        throw new ClientError("unreachable", "PutRecords answered a record without its place");
      }
      return { shardId: ShardId, sequenceNumber: SequenceNumber };
    });
  }

  /** Makes a stream of one shard. */
  async createStream(stream: string, signal: AbortSignal): Promise<void> {
    const command = new CreateStreamCommand({ StreamName: stream, ShardCount: 1 });
    await this.#call(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  close(): void {
    this.#client.destroy();
    this.#pushing?.destroy();
  }

  #call<T>(signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return awsCall(signal, send, this.#limits.answerMs);
  }
}

function toRecord({ SequenceNumber, PartitionKey, Data, ApproximateArrivalTimestamp }: AwsRecord): RawRecord {
  return {
    sequenceNumber: SequenceNumber ?? "",
    partitionKey: PartitionKey ?? "",
    data: Data ?? new Uint8Array(),
    arrivedMs: ApproximateArrivalTimestamp?.getTime() ?? 0,
  };
}

function toShard(shard: AwsShard): Shard {
  const { ShardId, ParentShardId, AdjacentParentShardId, HashKeyRange, SequenceNumberRange } = shard;
  const { StartingHashKey, EndingHashKey } = HashKeyRange ?? {};
  if (ShardId === undefined || StartingHashKey === undefined || EndingHashKey === undefined) {
    throw new ClientError("unreachable", "ListShards answered a shard without id or range");
  }
  return {
    shardId: ShardId,
    parents: [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined),
    startingHashKey: BigInt(StartingHashKey),
    endingHashKey: BigInt(EndingHashKey),
    isOpen: SequenceNumberRange?.EndingSequenceNumber === undefined,
  };
}
