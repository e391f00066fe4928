import { randomFillSync, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
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
import { allowOrigin } from "./cors.js";
import { firstRefusal } from "./early-refusal.js";
import { isGone } from "./listener.js";
import { isSignatureFailure, receive } from "./receive.js";
import { clientGone } from "./request-body.js";
import { type Body, sendAnswer } from "./send-answer.js";
import { sendEventStream } from "./send-event-stream.js";
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

/** One request on its way through. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly form: AnswerForm;
  /** Undefined where there is no such operation. */
  readonly operation: Operation | undefined;
  readonly operationName: string;
}

/**
 * The AWS wire protocol's front door. In this order: method, content type and operation; signature as far as the
 * headers tell; body; signature; input; the operation itself.
 */
export class AwsFront {
  readonly #options: AwsFrontOptions;
  readonly #slabs = new SlabPool(IDLE_SLABS_BYTES_MAX);
  readonly #shares = new AnswerShares(kinesisLimits.getRecordsBytesMax);

  constructor(options: AwsFrontOptions) {
    this.#options = options;
  }

  /** Answers the request, whatever happens. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const target = String(request.headers["x-amz-target"] ?? "");
    const name = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
    const operation = (name === target ? this.#options.ownOperations : operations)?.get(name);
    const exchange: Exchange = {
      request,
      response,
      requestId: randomUUID(),
      form: answerFormOf(request),
      operation,
      operationName: operation === undefined ? "unknown" : name,
    };
    // Where no signature is asked for, pages must not get in.
    if (this.#options.verifier !== undefined && allowOrigin(request, response, exchange.requestId)) return;
    let failure: ErrorCode | undefined;
    try {
      await this.#serve(exchange);
    } catch (thrown) {
      const error = await this.#firstRefusal(exchange, toCloudError(thrown));
      failure = error.code;
      this.#report(exchange, error);
      answerError(exchange, error);
    }
    this.#options.metrics.answered(exchange.operationName, failure, performance.now() - startedMs);
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { request, form, operation } = exchange;
    if (request.method !== "POST") throw undetermined("wrong-method");
    if (form.kind === "xml" && !TARGET.test(String(request.headers["x-amz-target"]))) {
      throw undetermined("wrong-content-type");
    }
    if (form.kind !== "protocol" || operation === undefined) throw new CloudError("operation-unknown", "");
    const memory = new RequestMemory(this.#slabs);
    try {
      await this.#run(exchange, operation, form.codec, memory);
    } finally {
      memory.release();
    }
  }

  async #firstRefusal({ request, response, form }: Exchange, refusal: CloudError): Promise<CloudError> {
    if (form.kind === "xml" || request.method !== "POST") return refusal;
    return firstRefusal(refusal, { request, response, codec: form.codec, budget: this.#options.budget });
  }

  async #run(exchange: Exchange, operation: Operation, codec: WireCodec, memory: RequestMemory): Promise<void> {
    const { request, response } = exchange;
    const { verifier, budget, context } = this.#options;
    const { bodyBytesMax } = operation;
    const { identity, body, release } = await receive(request, response, { verifier, budget, bodyBytesMax, memory });
    try {
      let gone: AbortSignal | undefined;
      const facts = {
        producer: producerOf(request, identity),
        memory,
        answerBytesMax: () => this.#shareUntilSent(request, response),
        gone: () => (gone ??= goneSignal(request, response)),
      };
      const plain = codec.encoding === "json" ? operation.runPlain(body.bytes, context, facts, memory) : undefined;
      const output = await (plain ?? operation.run(codec.decode(body.bytes), codec.encoding, context, facts));
      if (isEventStreamAnswer(output)) this.#stream(exchange, codec, output);
      else answer(exchange, 200, codec, output, this.#memoryUntilSent(exchange));
    } finally {
      release();
    }
  }

  /** Begins an answer that goes on by itself. */
  #stream(exchange: Exchange, codec: WireCodec, events: EventStreamAnswer): void {
    const { request, response } = exchange;
    const report = (error: CloudError): void => this.#report(exchange, error);
    void sendEventStream({ request, response, codec, answer: events, headers: idHeaders(exchange), report });
  }

  #shareUntilSent(request: IncomingMessage, response: ServerResponse): number {
    const { bytes, giveBack } = this.#shares.take();
    response.once("close", giveBack);
    if (isGone(request, response)) giveBack();
    return bytes;
  }

  /** Memory of an answer, used again once the system has taken the answer; where that is not seen, the collector gets it. */
  #memoryUntilSent({ request, response }: Exchange): RequestMemory | undefined {
    if (request.httpVersionMajor !== 1) return undefined; // its frames may wait in the session after that
    const memory = new RequestMemory(this.#slabs);
    response.once("finish", () => memory.release());
    return memory;
  }

  #report({ requestId, operationName }: Exchange, error: CloudError): void {
    const { logger, metrics } = this.#options;
    const detail = { requestId, operation: operationName, code: error.code };
    if (isSignatureFailure(error.code)) metrics.signatureFailed(error.code);
    if (wireError(error).status >= 500) logger.error({ ...detail, err: error }, "request failed");
    else logger.debug({ ...detail, reason: error.message || error.cause }, "request refused");
  }
}

/** The producer header counts only if it is signed: who is not the producer must not speak for it. */
function producerOf(request: IncomingMessage, identity: Identity | undefined): ProducerRequest | undefined {
  const header = request.headers[PRODUCER_HEADER];
  if (header === undefined) return undefined;
  if (identity !== undefined && !identity.signedHeaders.has(PRODUCER_HEADER)) {
    throw new CloudError("argument-invalid", `${PRODUCER_HEADER} must be a 'SignedHeader' in the AWS Authorization.`);
  }
  const producer = parseProducerHeader(String(header));
  if (producer !== undefined) return producer;
  throw new CloudError("argument-invalid", `${PRODUCER_HEADER} must be <id>/<UUID>/<request number>.`);
}

/** Aborts once the client is not there any more to be answered. */
function goneSignal(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => gone.abort(clientGone());
  response.once("close", leave);
  if (isGone(request, response)) leave();
  return gone.signal;
}

function answerError(exchange: Exchange, error: CloudError): void {
  if (error.code === "request-incomplete" || exchange.response.headersSent || exchange.response.destroyed) return;
  const { status, contentType, body } = writeError(exchange.form, error);
  send(exchange, status, contentType, body);
}

function answer(
  exchange: Exchange,
  status: number,
  codec: WireCodec,
  output: WholeOutput,
  memory?: RequestMemory,
): void {
  send(exchange, status, codec.contentType, bodyOf(codec, output, memory));
}

function bodyOf(codec: WireCodec, output: WholeOutput, memory: RequestMemory | undefined): Body {
  if (output === undefined) return [];
  return isBulkAnswer(output) ? codec.encodeBulk(output, memory) : [codec.encode(output)];
}

function send(exchange: Exchange, status: number, contentType: string | undefined, body: Body): void {
  const { request, response } = exchange;
  const typed = contentType === undefined ? {} : { "content-type": contentType };
  sendAnswer(request, response, { status, headers: { ...typed, ...idHeaders(exchange) }, body });
}

function idHeaders({ requestId }: Exchange): Record<string, string> {
  return { "x-amzn-requestid": requestId, "x-amz-id-2": nextExtendedId() };
}

function undetermined(code: "wrong-method" | "wrong-content-type"): CloudError {
  return new CloudError(code, "Unable to determine service/operation name to be authorized");
}

const EXTENDED_ID_BYTES = 72;
/** Of many ids at once: each draw costs a call to the system. */
const drawn = Buffer.allocUnsafe(128 * EXTENDED_ID_BYTES);
let drawnAt = drawn.length;

/** The second id that an answer of AWS bears. */
function nextExtendedId(): string {
  if (drawnAt === drawn.length) {
    randomFillSync(drawn);
    drawnAt = 0;
  }
  const from = drawnAt;
  drawnAt += EXTENDED_ID_BYTES;
  return drawn.toString("base64", from, drawnAt);
}
