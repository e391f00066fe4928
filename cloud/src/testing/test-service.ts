import { type Log, SlabPool } from "@headwater/log";
import { ManualClock } from "@headwater/log/testing";
import { kinesisLimits, type ProducerRequest } from "@headwater/protocol";
import { type EventStreamAnswer, isEventStreamAnswer } from "../codec/event-stream-answer.js";
import type { Encoding } from "../codec/shape.js";
import { isBulkAnswer } from "../codec/wire-codec.js";
import { operations, type OperationContext } from "../operations/index.js";
import { RequestMemory } from "../request-memory.js";
import { FanOut } from "../streams/fan-out/fan-out.js";
import type { EndCause } from "../streams/fan-out/subscription-end.js";
import { TokenSealer } from "../streams/sealed-token.js";
import { StreamService } from "../streams/stream-service.js";
import { MemoryCatalog } from "./memory-catalog.js";
import { MemoryLog } from "./memory-log.js";

/** A member of an answer, which a test knows better than its type says. */
export type Answer = Readonly<Record<string, unknown>>;

const answerBytesMax = (): number => kinesisLimits.getRecordsBytesMax;

/** Keeps nothing, so that answers stay as they are. */
const pool = new SlabPool(0);

/** Data Streams in memory, spoken to by its operations' inputs and outputs, without HTTP. */
export class TestService {
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  readonly context: OperationContext;
  /** Records put, entries refused by cause, and why subscriptions ended. */
  readonly counted: { records: number; readonly refused: string[]; readonly ends: EndCause[] };

  private constructor(clock: ManualClock, log: MemoryLog, service: StreamService, limited: boolean) {
    this.clock = clock;
    this.log = log;
    const counted = { records: 0, refused: [] as string[], ends: [] as EndCause[] };
    this.counted = counted;
    this.context = {
      service,
      fanOut: new FanOut({ limited, now: () => clock.now(), onEnd: (cause) => counted.ends.push(cause) }),
      sealer: new TokenSealer(Buffer.alloc(32)),
      now: () => clock.now(),
      traffic: {
        put: (records) => (counted.records += records),
        got: () => undefined,
        pushed: () => undefined,
        refused: (code) => counted.refused.push(code),
      },
    };
  }

  /** @param options.on the real log and its clock, instead of one in memory. */
  static async start(options: { limited?: boolean; on?: { log: Log; clock: ManualClock } } = {}): Promise<TestService> {
    const { limited = false, on } = options;
    const clock = on?.clock ?? new ManualClock();
    const log = new MemoryLog(clock);
    const service = await StreamService.open(new MemoryCatalog(), {
      log: on?.log ?? log,
      clock,
      accountId: "000000000000",
      region: "us-east-1",
      limited,
      report: (message, detail) => {
        throw new Error(message, { cause: detail });
      },
    });
    return new TestService(clock, log, service, limited);
  }

  /** Runs an operation. @throws {CloudError} */
  async call(
    name: string,
    input: unknown,
    { encoding = "json", producer }: { encoding?: Encoding; producer?: ProducerRequest } = {},
  ): Promise<Answer> {
    const operation = operations.get(name);
    if (operation === undefined) throw new Error(`no operation ${name}`);
    const answer = await operation.run(input, encoding, this.context, {
      producer,
      gone: stays,
      memory: new RequestMemory(pool),
      answerBytesMax,
    });
    if (isEventStreamAnswer(answer)) throw new Error(`${name} answers a stream: see subscribe`);
    return (answer !== undefined && isBulkAnswer(answer) ? answer.toValues() : (answer ?? {})) as Answer;
  }

  /** Calls SubscribeToShard; the answer is there before its events are. @throws {CloudError} */
  async subscribe(input: unknown): Promise<EventStreamAnswer> {
    const answer = await operations.get("SubscribeToShard")?.run(input, "json", this.context, {
      producer: undefined,
      gone: stays,
      memory: new RequestMemory(pool),
      answerBytesMax,
    });
    if (!isEventStreamAnswer(answer)) throw new Error("SubscribeToShard answers no stream");
    return answer;
  }

  async createStream(StreamName: string, ShardCount = 1): Promise<void> {
    await this.call("CreateStream", { StreamName, ShardCount });
  }

  /** Puts one record into the first shard; answers its sequence number. */
  async put(StreamName: string, text: string): Promise<string> {
    const input = { StreamName, PartitionKey: "k", ExplicitHashKey: "0", Data: base64(text) };
    const { SequenceNumber } = await this.call("PutRecord", input);
    return String(SequenceNumber);
  }

  async iterator(StreamName: string, start: Readonly<Record<string, unknown>>): Promise<string> {
    const ShardId = "shardId-000000000000";
    const { ShardIterator } = await this.call("GetShardIterator", { StreamName, ShardId, ...start });
    return String(ShardIterator);
  }

  close(): Promise<void> {
    return this.context.service.close();
  }
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function stays(): AbortSignal {
  return new AbortController().signal;
}

/** The records' data, as text. */
export function texts({ Records }: Answer): string[] {
  return (Records as { Data: Buffer }[]).map(({ Data }) => Data.toString());
}
