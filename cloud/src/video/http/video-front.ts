import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "@headwater/log";
import type { Logger } from "pino";
import { CloudError, type ErrorCode } from "../../cloud-error.js";
import { decodeJson, encodeJson } from "../../codec/json.js";
import type { BodyBudget } from "../../http/body-budget.js";
import { signedRequest } from "../../http/node-call.js";
import { isSignatureFailure, receive } from "../../http/receive.js";
import { sendAnswer } from "../../http/send-answer.js";
import type { CloudMetrics } from "../../metrics.js";
import { EMPTY_BODY_SHA256, type SignatureVerifier } from "../../sigv4/index.js";
import { GetMediaCall } from "../get-media/get-media-call.js";
import { HlsFront, isHlsRequest } from "../hls/hls-front.js";
import { getMediaInput, startOf } from "../get-media/start-selector.js";
import { type VideoContext, type VideoOperation, videoOperations } from "../operations/index.js";
import { streamReferenceInput } from "../operations/members.js";
import { streamNameOf } from "../operations/stream-reference.js";
import { readInput } from "../operations/video-operation.js";
import { ArrivingBytes } from "../put-media/arriving-bytes.js";
import { PutMediaCall } from "../put-media/put-media-call.js";
import { putMediaHeaders, readPutMediaParameters } from "../put-media/put-media-parameters.js";
import type { VideoErrorCode } from "../video-error.js";
import type { VideoTraffic } from "../video-traffic.js";
import { ownEndpoint } from "./own-endpoint.js";
import { toVideoWireError } from "./video-wire-errors.js";

const BODY_BYTES_MAX = 1 << 20;
/** What a client may send as its body's hash to say that the signature does not cover it. */
const UNSIGNED = "UNSIGNED-PAYLOAD";

export interface VideoFrontOptions {
  readonly context: VideoContext;
  readonly log: Log;
  /** Undefined where any credentials will do. */
  readonly verifier: SignatureVerifier | undefined;
  readonly budget: BodyBudget;
  readonly metrics: CloudMetrics;
  readonly traffic: VideoTraffic;
  readonly logger: Logger;
}

/** One request on its way through. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly operationName: string;
}

const names = new Map(
  [...videoOperations.keys(), "PutMedia", "GetMedia"].map((name) => [
    `/${name.slice(0, 1).toLowerCase()}${name.slice(1)}`,
    name,
  ]),
);

/** Whether a request is for Video Streams: one of their operations, or another one that Data Streams cannot mean. */
export function isVideoRequest({ url = "", headers }: IncomingMessage): boolean {
  const path = url.split("?", 1)[0] ?? "";
  return names.has(path) || (path.length > 1 && headers["x-amz-target"] === undefined);
}

/** Video Streams' front door: `POST /<operation in camel case>`, with JSON, or with media in one direction. */
export class VideoFront {
  readonly #options: VideoFrontOptions;
  readonly #arriving = new ArrivingBytes();
  readonly #hls: HlsFront;

  constructor(options: VideoFrontOptions) {
    this.#options = options;
    this.#hls = new HlsFront(options);
  }

  /** Answers players that wait for what is coming, so that the cloud can stop. */
  stopWaiting(): void {
    this.#hls.stopWaiting();
  }

  /** Answers the request, whatever happens; the media of PutMedia and GetMedia goes on flowing after that. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isHlsRequest(request)) return this.#hls.handle(request, response);
    const startedMs = performance.now();
    const operationName = names.get(request.url?.split("?", 1)[0] ?? "") ?? "unknown";
    const exchange: Exchange = { request, response, requestId: randomUUID(), operationName };
    let failure: ErrorCode | VideoErrorCode | undefined;
    try {
      if (request.method !== "POST") throw new CloudError("wrong-method", "Use POST.");
      const operation = videoOperations.get(operationName);
      if (operation !== undefined) await this.#answer(exchange, operation);
      else if (operationName === "PutMedia") this.#putMedia(exchange);
      else if (operationName === "GetMedia") await this.#getMedia(exchange);
      else throw new CloudError("operation-unknown", "There is no such operation.");
    } catch (thrown) {
      failure = this.#answerError(exchange, thrown);
    }
    this.#options.metrics.answered(`Video.${operationName}`, failure, performance.now() - startedMs);
  }

  async #answer(exchange: Exchange, operation: VideoOperation): Promise<void> {
    const { request, response } = exchange;
    const { body, release } = await receive(request, response, { ...this.#options, bodyBytesMax: BODY_BYTES_MAX });
    try {
      const facts = { endpoint: ownEndpoint(request) };
      const output = await operation.run(inputOf(body.bytes.whole()), this.#options.context, facts);
      send(exchange, 200, {}, encodeJson(output ?? {}));
    } finally {
      release();
    }
  }

  /** The signature covers the headers only, so media may flow at once. */
  #putMedia({ request, response, requestId }: Exchange): void {
    const { context, verifier, traffic } = this.#options;
    if (verifier !== undefined) verifyHeaders(verifier, request);
    const parameters = readPutMediaParameters(request.headers, context.now());
    const { service } = context;
    const stream = service.stream(streamNameOf(readInput(streamReferenceInput, parameters.stream), service));
    new PutMediaCall({ request, response, requestId, stream, parameters, traffic, arriving: this.#arriving }).run();
  }

  async #getMedia({ request, response, requestId }: Exchange): Promise<void> {
    const { context, log, traffic, logger } = this.#options;
    const { body, release } = await receive(request, response, { ...this.#options, bodyBytesMax: BODY_BYTES_MAX });
    release();
    const { StartSelector, ...reference } = readInput(getMediaInput, inputOf(body.bytes.whole()));
    const { service, now } = context;
    const stream = service.stream(streamNameOf(reference, service));
    const start = startOf(StartSelector, stream);
    const report = (message: string, detail: Readonly<Record<string, unknown>>): void => logger.error(detail, message);
    new GetMediaCall({ request, response, requestId, log, stream, start, traffic, now, report }).start();
  }

  #answerError(exchange: Exchange, thrown: unknown): ErrorCode | VideoErrorCode {
    const { logger, metrics } = this.#options;
    const { request, response, requestId, operationName } = exchange;
    const { code, status, type, message } = toVideoWireError(thrown);
    const detail = { requestId, operation: operationName, code };
    if (isSignatureFailure(code)) metrics.signatureFailed(code);
    if (status >= 500) logger.error({ ...detail, err: thrown }, "request failed");
    else logger.debug({ ...detail, reason: message }, "request refused");
    if (code === "request-incomplete" || response.headersSent || response.destroyed) {
      if (response.headersSent) request.destroy();
      return code;
    }
    send(exchange, status, { "x-amzn-errortype": type }, JSON.stringify({ Message: message }));
    return code;
  }
}

/**
 * A signature over the headers alone. Headers that say what a request means count only if signed; a presigned URL's bearer
 * may choose them.
 * @throws {CloudError} as {@link SignatureVerifier} does; `signature-mismatch` where one is not signed.
 */
function verifyHeaders(verifier: SignatureVerifier, request: IncomingMessage): void {
  const signed = signedRequest(request);
  const authorization = verifier.check(signed);
  const isUnsigned = request.headers["x-amz-content-sha256"] === UNSIGNED;
  const { signedHeaders } = verifier.verify(signed, authorization, isUnsigned ? UNSIGNED : EMPTY_BODY_SHA256);
  if (authorization.form === "query") return;
  for (const name of putMediaHeaders) {
    if (request.headers[name] === undefined || signedHeaders.has(name)) continue;
    throw new CloudError("signature-mismatch", `'${name}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
}

function inputOf(body: Buffer): unknown {
  return body.length === 0 ? {} : decodeJson(body);
}

function send(
  { request, response, requestId }: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  json: string,
): void {
  sendAnswer(request, response, {
    status,
    headers: { "content-type": "application/json", "x-amzn-requestid": requestId, ...headers },
    body: Buffer.from(json),
  });
}
