import type { IncomingMessage, ServerResponse } from "node:http";
import { cutOff } from "./listener.js";

/** A smaller body is sent in one piece with its headers, which saves Node the gathering. */
const JOINED_BYTES_MAX = 4096;
/** How long a client may go on sending a body that was refused, before its connection is cut. */
const LINGER_MS = 10_000;

export interface WholeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Answers a request, whether or not its body has come. */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: WholeAnswer,
): void {
  if (expectsContinue(request) && !request.complete) response.shouldKeepAlive = false;
  response.writeHead(status, { ...headers, "content-length": body.length });
  if (!request.complete) linger(request, response, body);
  else if (body.length > JOINED_BYTES_MAX) response.end(body);
  else response.end(body.toString("latin1"), "latin1");
}

export function expectsContinue(request: IncomingMessage): boolean {
  return request.headers.expect?.toLowerCase() === "100-continue";
}

/**
 * Answers a client that may still be sending a body that was refused. Closing at once would make its system throw away
 * the answer with the connection, so what comes is discarded for a while.
 */
function linger(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const timer = setTimeout(() => cutOff(request), LINGER_MS).unref();
  request.once("end", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
  if (request.httpVersionMajor === 1 && !expectsContinue(request)) {
    // The client has the whole answer, but the response ends later: at its end Node closes a connection that is not kept.
    response.write(body);
    request.once("end", () => response.end());
  } else response.end(body);
  request.resume();
}
