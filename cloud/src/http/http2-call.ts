import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { RequestMemory } from "../request-memory.js";
import type { SignedRequest } from "../sigv4/index.js";
import type { CallAnswer } from "./call.js";
import { NodeCall } from "./node-call.js";
import { type BodyLimits, clientGone, type RequestBody } from "./gathered-body.js";
import { gatherBody, wholeBody } from "./request-body.js";
import { writeHttp2Answer } from "./send-answer.js";

/** A call that comes as Node's request and response, of whichever protocol. */
export function nodeCall(request: IncomingMessage, response: ServerResponse): NodeCall {
  return "stream" in request ? new Http2Call(request, response) : new NodeCall(request, response);
}

/**
 * A call over HTTP/2. Its body is read from the stream, and the answer to a request that has come whole is written to it: Node's
 * compatible objects would pass each chunk through a second stream, and end each answer with a frame of no trailers.
 */
class Http2Call extends NodeCall {
  readonly #request: IncomingMessage;
  readonly #stream: ServerHttp2Stream;
  #isBodyRead = false;
  #isWhole = false;

  constructor(request: IncomingMessage & { readonly stream: unknown }, response: ServerResponse) {
    super(request, response);
    this.#request = request;
    this.#stream = request.stream as ServerHttp2Stream;
  }

  override get signed(): SignedRequest {
    const { method = "", url = "", rawHeaders } = this.#request;
    return { method, target: url, rawHeaders, hasLowerCaseNames: true }; // others are no HTTP/2
  }

  override get isBodyRead(): boolean {
    return this.#isBodyRead;
  }

  override readBody(limits: BodyLimits, memory?: RequestMemory): RequestBody | Promise<RequestBody> {
    this.#isBodyRead = true;
    const announced = Number(this.headers["content-length"] ?? 0);
    return this.#whole(announced) ?? this.#readLater(announced, limits, memory);
  }

  override answer(answer: CallAnswer): void {
    // Pages' answers bear more headers; and who is refused may be sending its body still.
    if (!this.#isWhole || this.#request.headers.origin !== undefined) super.answer(answer);
    else writeHttp2Answer(this.#stream, answer);
  }

  /** A small body of which all is here. */
  #whole(announced: number): RequestBody | undefined {
    // Not to its end, which Node finds when the answer has left. A stream that has ended is destroyed by then before its last write
    // is told so, for which Node makes an error that nobody reads; it took 4 % of a PutRecord's time.
    const body = wholeBody(this.#stream, announced, false);
    if (body === undefined) return undefined;
    this.#isWhole = true;
    if (this.#request.headers.origin !== undefined) this.#stream.resume(); // since it is answered by Node's compatible response
    return body;
  }

  async #readLater(announced: number, limits: BodyLimits, memory?: RequestMemory): Promise<RequestBody> {
    // Node tells of the headers before it looks at the bytes behind them, which mostly are the whole body.
    await new Promise((resolve) => void setImmediate(resolve));
    if (this.isGone) throw clientGone();
    const body = this.#whole(announced) ?? (await gatherBody(this.#stream, announced, limits, memory));
    if (this.#stream.closed) throw clientGone(); // Node ends a stream that was reset as if its body were whole
    this.#isWhole = true;
    return body;
  }
}
