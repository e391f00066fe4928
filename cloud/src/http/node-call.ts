import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestMemory } from "../request-memory.js";
import type { SignedRequest } from "../sigv4/index.js";
import type { AnswerIds, Call, CallAnswer, CallEvents, CallHeaders } from "./call.js";
import { allowOrigin } from "./cors.js";
import { isGone } from "./listener.js";
import type { BodyLimits, RequestBody } from "./gathered-body.js";
import { readBody } from "./request-body.js";
import { sendAnswer } from "./send-answer.js";
import { sendEventStream } from "./send-event-stream.js";

/** A call that comes as Node's request and response, those of HTTP/1.1 or the compatible ones of HTTP/2. */
export class NodeCall implements Call {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get method(): string | undefined {
    return this.#request.method;
  }

  get headers(): CallHeaders {
    return this.#request.headers;
  }

  get httpVersionMajor(): number {
    return this.#request.httpVersionMajor;
  }

  get signed(): SignedRequest {
    return signedRequest(this.#request);
  }

  get isGone(): boolean {
    return isGone(this.#request, this.#response);
  }

  get isBodyRead(): boolean {
    return this.#request.readableDidRead;
  }

  get isAnswered(): boolean {
    return this.#response.headersSent || this.#response.destroyed;
  }

  once(event: "close", listener: () => void): void {
    this.#response.once(event, listener);
  }

  off(event: "close", listener: () => void): void {
    this.#response.off(event, listener);
  }

  allowOrigin(requestId: string): boolean {
    return allowOrigin(this.#request, this.#response, requestId);
  }

  writeContinue(): void {
    this.#response.writeContinue();
  }

  readBody(limits: BodyLimits, memory?: RequestMemory): RequestBody | Promise<RequestBody> {
    return readBody(this.#request, limits, memory);
  }

  answer({ status, contentType, body, ...ids }: CallAnswer): void {
    const typed = contentType === undefined ? {} : { "content-type": contentType };
    sendAnswer(this.#request, this.#response, { status, headers: { ...typed, ...idHeaders(ids) }, body });
  }

  answerEvents({ codec, answer, report, ...ids }: CallEvents): void {
    const [request, response] = [this.#request, this.#response];
    void sendEventStream({ request, response, codec, answer, headers: idHeaders(ids), report });
  }

  onTaken(listener: () => void): boolean {
    if (this.#request.httpVersionMajor !== 1) return false; // its frames may wait in the session after that
    this.#response.once("finish", listener);
    return true;
  }
}

/** The request as its signature covers it. */
export function signedRequest({ method = "", url = "", rawHeaders }: IncomingMessage): SignedRequest {
  return { method, target: url, rawHeaders };
}

function idHeaders({ requestId, extendedId }: AnswerIds): Record<string, string> {
  return { "x-amzn-requestid": requestId, "x-amz-id-2": extendedId };
}
