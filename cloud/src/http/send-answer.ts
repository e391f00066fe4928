import type { IncomingMessage, ServerResponse } from "node:http";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { CallAnswer, RequestHead } from "./call.js";
import { LINGER_MS } from "./linger.js";
import { cutOff } from "./listener.js";

/** A smaller body is sent in one piece with its headers, which saves Node the gathering. */
const JOINED_BYTES_MAX = 4096;

/** In one piece, or in several, one after the other. */
export type Body = Buffer | readonly Buffer[];

export interface WholeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** Answers a request, whether or not its body has come. */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: WholeAnswer,
): void {
  const isComplete = request.complete || hasStreamEnded(request);
  if (expectsContinue(request) && !isComplete) response.shouldKeepAlive = false;
  const pieces = Buffer.isBuffer(body) ? [body] : body;
  const bytes = lengthOf(pieces);
  response.writeHead(status, { ...headers, "content-length": bytes });
  if (!isComplete) linger(request, response, pieces);
  else if (bytes > JOINED_BYTES_MAX) write(response, pieces).end();
  else response.end(pieces.map((piece) => piece.toString("latin1")).join(""), "latin1");
}

/** Answers a request over HTTP/2 that has come whole. */
export function writeHttp2Answer(
  stream: ServerHttp2Stream,
  { status, contentType, requestId, extendedId, body }: CallAnswer,
): void {
  if (stream.destroyed || stream.closed) return;
  const bytes = lengthOf(body);
  const headers: OutgoingHttpHeaders = { ":status": status };
  if (contentType !== undefined) headers["content-type"] = contentType;
  headers["x-amzn-requestid"] = requestId;
  headers["x-amz-id-2"] = extendedId;
  headers["content-length"] = bytes;
  stream.respond(headers, { endStream: bytes === 0 });
  if (bytes === 0) return;
  if (Buffer.isBuffer(body)) stream.end(body);
  else if (bytes <= JOINED_BYTES_MAX) stream.end(Buffer.concat(body, bytes));
  else {
    stream.cork();
    for (const piece of body) stream.write(piece);
    stream.end();
  }
}

/** Whether its body has been read from HTTP/2's stream itself, which the compatible request does not know. */
function hasStreamEnded(request: IncomingMessage): boolean {
  return "stream" in request && (request.stream as ServerHttp2Stream).readableEnded;
}

function lengthOf(body: Body): number {
  if (Buffer.isBuffer(body)) return body.length;
  let bytes = 0;
  for (const piece of body) bytes += piece.length;
  return bytes;
}

export function expectsContinue(request: RequestHead): boolean {
  return request.headers.expect?.toLowerCase() === "100-continue";
}

/**
 * Answers a client that may still be sending a body that was refused. Closing at once would make its system throw away
 * the answer with the connection, so what comes is discarded for a while.
 */
function linger(request: IncomingMessage, response: ServerResponse, pieces: readonly Buffer[]): void {
  const timer = setTimeout(() => cutOff(request), LINGER_MS).unref();
  request.once("end", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
  if (request.httpVersionMajor === 1 && !expectsContinue(request)) {
    // The client has the whole answer, but the response ends later: at its end Node closes a connection that is not kept.
    write(response, pieces);
    response.uncork();
    request.once("end", () => response.end());
  } else write(response, pieces).end();
  request.resume();
}

/** Writes all pieces, to be sent at once when the response ends or is uncorked. */
function write(response: ServerResponse, pieces: readonly Buffer[]): ServerResponse {
  response.cork();
  for (const piece of pieces) response.write(piece);
  return response;
}
