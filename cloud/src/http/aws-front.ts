import { randomUUID } from "node:crypto";
import { kinesisLimits, parseProducerHeader, PRODUCER_HEADER, type ProducerRequest } from "@headwater/protocol";
import type { Logger } from "pino";
import { CloudError, type ErrorCode } from "../cloud-error.js";
import { type EventStreamAnswer, isEventStreamAnswer } from "../codec/event-stream-answer.js";
import { isBulkAnswer, type WireCodec } from "../codec/wire-codec.js";
import type { CloudMetrics } from "../metrics.js";
import { type Answer, type Operation, operations, type OperationContext } from "../operations/index.js";
import type { Identity, SignatureVerifier } from "../sigv4/index.js";
import { SlabPool } from "@headwater/log";
import { RequestMemory } from "../request-memory.js";
import { type AnswerForm, answerFormOf, writeError } from "./answer-form.js";
import { AnswerShares } from "./answer-shares.js";
import type { BodyBudget } from "./body-budget.js";
import type { AnswerIds, Call } from "./call.js";
import { nextExtendedId } from "./extended-id.js";
import { firstRefusal } from "./early-refusal.js";
import { isSignatureFailure, receiveCall } from "./receive.js";
import { clientGone } from "./gathered-body.js";
import type { Body } from "./send-answer.js";
import { toCloudError, wireError } from "./wire-errors.js";

/** Enough for the bodies and records of about 24 large PutRecords calls at once, or all answers of records under way. */
const IDLE_SLABS_BYTES_MAX = 48 << 20;
const TARGET_PREFIX = "Kinesis_20131202.";
/** Of a service and an operation of it, whichever. */
const TARGET = /^[^.]+\.[^.]+/;

export interface AwsFrontOptions {
  readonly context: OperationContext;
  /** Undefined where any credentials will do. */
  readonly verifier: SignatureVerifier | undefined;
  readonly budget: BodyBudget;
  readonly metrics: CloudMetrics;
  readonly logger: Logger;
  /** Operations of our own, by their whole target. */
  readonly ownOperations?: ReadonlyMap<string, Operation>;
}

/** What is answered at once. */
type WholeOutput = Exclude<Answer, EventStreamAnswer>;

/** What a request's target asks for. */
interface Asked {
  /** `unknown` where there is no such operation. */
  readonly name: string;
  readonly operation: Operation | undefined;
}

const unknown: Asked = { name: "unknown", operation: undefined };
/** Answered event by event. */
const EVENT_TARGET = `${TARGET_PREFIX}SubscribeToShard`;

/** One request on its way through. */
interface Exchange {
  readonly call: Call;
  readonly requestId: string;
  readonly form: AnswerForm;
  readonly asked: Asked;
}

/**
 * The AWS wire protocol's front door. In this order: method, content type and operation; signature as far as the
 * headers tell; body; signature; input; the operation itself.
 */
export class AwsFront {
  readonly #options: AwsFrontOptions;
  /** By their whole target. */
  readonly #operations = new Map<string, Asked>();
  readonly #slabs = new SlabPool(IDLE_SLABS_BYTES_MAX);
  readonly #shares = new AnswerShares(kinesisLimits.getRecordsBytesMax);

  constructor(options: AwsFrontOptions) {
    this.#options = options;
    for (const [name, operation] of operations) this.#operations.set(TARGET_PREFIX + name, { name, operation });
    for (const [name, operation] of options.ownOperations ?? []) this.#operations.set(name, { name, operation });
  }

  /** Whether calls of this target are answered here, each by one whole answer. */
  answersWhole(target: string): boolean {
    return target !== EVENT_TARGET && this.#operations.has(target);
  }

  /** Answers the call, whatever happens. */
  async handle(call: Call): Promise<void> {
    const startedMs = performance.now();
    const asked = this.#operations.get(String(call.headers["x-amz-target"] ?? "")) ?? unknown;
    const exchange: Exchange = { call, requestId: randomUUID(), form: answerFormOf(call), asked };
    // Where no signature is asked for, pages must not get in.
    if (this.#options.verifier !== undefined && call.allowOrigin(exchange.requestId)) return;
    let failure: ErrorCode | undefined;
    try {
      await this.#serve(exchange);
    } catch (thrown) {
      const error = await this.#firstRefusal(exchange, toCloudError(thrown));
      failure = error.code;
      this.#report(exchange, error);
      answerError(exchange, error);
    }
    this.#options.metrics.answered(asked.name, failure, performance.now() - startedMs);
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { call, form } = exchange;
    const { operation } = exchange.asked;
    if (call.method !== "POST") throw undetermined("wrong-method");
    if (form.kind === "xml" && !TARGET.test(String(call.headers["x-amz-target"]))) {
      throw undetermined("wrong-content-type");
    }
    if (form.kind !== "protocol" || operation === undefined) throw new CloudError("operation-unknown", "");
    const { codec } = form;
    const { verifier, budget, context } = this.#options;
    const memory = new RequestMemory(this.#slabs);
    let release: (() => void) | undefined;
    try {
      const receiving = receiveCall(call, { verifier, budget, bodyBytesMax: operation.bodyBytesMax, memory });
      const received = receiving instanceof Promise ? await receiving : receiving;
      ({ release } = received);
      const { identity, body } = received;
      let gone: AbortSignal | undefined;
      const facts = {
        producer: producerOf(call, identity),
        memory,
        answerBytesMax: () => this.#shareUntilSent(call),
        gone: () => (gone ??= goneSignal(call)),
      };
      const plain = codec.encoding === "json" ? operation.runPlain(body.bytes, context, facts, memory) : undefined;
      const output = await (plain ?? operation.run(codec.decode(body.bytes.whole()), codec.encoding, context, facts));
      if (isEventStreamAnswer(output)) this.#answerEvents(exchange, codec, output);
      else this.#answer(exchange, codec, output);
    } finally {
      release?.();
      memory.release();
    }
  }

  async #firstRefusal({ call, form }: Exchange, refusal: CloudError): Promise<CloudError> {
    if (form.kind === "xml" || call.method !== "POST") return refusal;
    return firstRefusal(refusal, { call, codec: form.codec, budget: this.#options.budget });
  }

  #answer({ call, requestId }: Exchange, codec: WireCodec, output: WholeOutput): void {
    const { contentType } = codec;
    const extendedId = nextExtendedId();
    call.answer({ status: 200, contentType, requestId, extendedId, body: this.#bodyOf(call, codec, output) });
  }

  #bodyOf(call: Call, codec: WireCodec, output: WholeOutput): Body {
    if (output === undefined) return [];
    return isBulkAnswer(output) ? codec.encodeBulk(output, this.#memoryUntilSent(call)) : codec.encode(output);
  }

  /** Begins an answer that goes on by itself. */
  #answerEvents(exchange: Exchange, codec: WireCodec, answer: EventStreamAnswer): void {
    exchange.call.answerEvents({
      codec,
      answer,
      ...idsOf(exchange),
      report: (error) => this.#report(exchange, error),
    });
  }

  #shareUntilSent(call: Call): number {
    const { bytes, giveBack } = this.#shares.take();
    call.once("close", giveBack);
    if (call.isGone) giveBack();
    return bytes;
  }

  /** Memory of an answer, used again once the system has taken the answer; where that is not seen, the collector gets it. */
  #memoryUntilSent(call: Call): RequestMemory | undefined {
    const memory = new RequestMemory(this.#slabs);
    return call.onTaken(() => memory.release()) ? memory : undefined;
  }

  #report({ requestId, asked }: Exchange, error: CloudError): void {
    const { logger, metrics } = this.#options;
    const detail = { requestId, operation: asked.name, code: error.code };
    if (isSignatureFailure(error.code)) metrics.signatureFailed(error.code);
    if (wireError(error).status >= 500) logger.error({ ...detail, err: error }, "request failed");
    else logger.debug({ ...detail, reason: error.message || error.cause }, "request refused");
  }
}

/** The producer header counts only if it is signed: who is not the producer must not speak for it. */
function producerOf({ headers }: Call, identity: Identity | undefined): ProducerRequest | undefined {
  const header = headers[PRODUCER_HEADER];
  if (header === undefined) return undefined;
  if (identity !== undefined && !identity.signedHeaders.has(PRODUCER_HEADER)) {
    throw new CloudError("argument-invalid", `${PRODUCER_HEADER} must be a 'SignedHeader' in the AWS Authorization.`);
  }
  const producer = parseProducerHeader(String(header));
  if (producer !== undefined) return producer;
  throw new CloudError("argument-invalid", `${PRODUCER_HEADER} must be <id>/<UUID>/<request number>.`);
}

/** Aborts once the client is not there any more to be answered. */
function goneSignal(call: Call): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => gone.abort(clientGone());
  call.once("close", leave);
  if (call.isGone) leave();
  return gone.signal;
}

function answerError(exchange: Exchange, error: CloudError): void {
  const { call, form } = exchange;
  if (error.code === "request-incomplete" || call.isAnswered) return;
  const { status, contentType, body } = writeError(form, error);
  call.answer({ status, contentType, ...idsOf(exchange), body });
}

function idsOf({ requestId }: Exchange): AnswerIds {
  return { requestId, extendedId: nextExtendedId() };
}

function undetermined(code: "wrong-method" | "wrong-content-type"): CloudError {
  return new CloudError(code, "Unable to determine service/operation name to be authorized");
}
