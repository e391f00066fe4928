import { setImmediate as nextTurn } from "node:timers/promises";
import type { ProducerRequest } from "@headwater/protocol";
import type { EventStreamAnswer } from "../codec/event-stream-answer.js";
import { type BulkAnswer, decodeLargeJson, type Output } from "../codec/wire-codec.js";
import { type Encoding, Reading, type Shape } from "../codec/shape.js";
import type { BodyBytes } from "../http/body-bytes.js";
import type { RequestMemory } from "../request-memory.js";
import type { TokenSealer } from "../streams/sealed-token.js";
import type { FanOut } from "../streams/fan-out/fan-out.js";
import type { StreamService } from "../streams/stream-service.js";

/** What operations work with. */
export interface OperationContext {
  readonly service: StreamService;
  readonly fanOut: FanOut;
  readonly sealer: TokenSealer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly traffic: Traffic;
}

/** Counts what flows through. */
export interface Traffic {
  readonly put: (records: number, bytes: number) => void;
  readonly got: (records: number, bytes: number) => void;
  /** Of one event of a subscription. */
  readonly pushed: (records: number, bytes: number) => void;
  /** Of one entry of a PutRecords call, by error code. */
  readonly refused: (code: string) => void;
}

/** What stands in a request beside its body. */
export interface RequestFacts {
  /** From the signed producer header. */
  readonly producer: ProducerRequest | undefined;
  /** Aborts, with the error to end with, once its client has gone. To be asked by what waits for long. */
  readonly gone: () => AbortSignal;
  /** Used again once the answer is written: it must not be in what an event stream sends later. */
  readonly memory: RequestMemory;
  /** How many bytes of records the answer should have at most, for memory to suffice for all. To be asked once. */
  readonly answerBytesMax: () => number;
}

export type Answer = Output | BulkAnswer | EventStreamAnswer | undefined;

/** One operation of the API: its input's shape with all constraints, and what it does. */
export interface Operation {
  /** Larger bodies are refused before they are read. */
  readonly bodyBytesMax: number;
  /** @returns the answer; undefined for an empty body. @throws {CloudError} */
  run(body: unknown, encoding: Encoding, context: OperationContext, facts: RequestFacts): Promise<Answer>;
  /**
   * The same, straight from a JSON body's bytes; undefined where the body has to be decoded first. A large one is decoded here, over
   * several turns of the event loop.
   * @throws {CloudError} `body-malformed`, by the promise.
   */
  runPlain(
    body: BodyBytes,
    context: OperationContext,
    facts: RequestFacts,
    memory: RequestMemory,
  ): Promise<Answer> | undefined;
}

/** Enough for any operation that carries no records. */
const CONTROL_BODY_BYTES_MAX = 1 << 20;

type Handler<T> = (input: T, context: OperationContext, facts: RequestFacts) => Promise<Answer> | Answer;

interface OperationOptions<P> {
  readonly bodyBytesMax?: number;
  /** A quick way for the usual JSON bodies; what `read` answers nothing for goes the long way. */
  readonly plain?: {
    readonly read: (body: BodyBytes, memory: RequestMemory) => P | undefined;
    readonly handle: Handler<P>;
  };
}

/** A larger body that the quick way leaves is read over several turns of the event loop, so that others need not wait for all of it. */
const READ_AT_ONCE_BYTES_MAX = 256 << 10;

/** Declares an operation. Its handler gets an input that keeps to its shape. */
export function operation<T, P = never>(
  input: Shape<T>,
  handle: Handler<T>,
  { bodyBytesMax = CONTROL_BODY_BYTES_MAX, plain }: OperationOptions<P> = {},
): Operation {
  const read = (body: unknown, encoding: Encoding): T => {
    const reading = new Reading(encoding);
    const value = input.read(body, reading);
    reading.finish();
    return value;
  };
  const runInTurns = async (body: BodyBytes, context: OperationContext, facts: RequestFacts): Promise<Answer> => {
    await nextTurn();
    const decoded = await decodeLargeJson(body.whole());
    await nextTurn();
    const value = read(decoded, "json");
    await nextTurn();
    return handle(value, context, facts);
  };
  return {
    bodyBytesMax,
    async run(body, encoding, context, facts) {
      return handle(read(body, encoding), context, facts);
    },
    runPlain(body, context, facts, memory) {
      if (plain === undefined) return undefined;
      const value = plain.read(body, memory);
      if (value !== undefined) return Promise.resolve(plain.handle(value, context, facts));
      return body.length > READ_AT_ONCE_BYTES_MAX ? runInTurns(body, context, facts) : undefined;
    },
  };
}
