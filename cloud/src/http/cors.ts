import type { IncomingMessage, ServerResponse } from "node:http";

/** What AWS lets scripts of web pages read. */
const EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";
const PREFLIGHT_SECONDS = 172_800;

/**
 * Lets pages of any origin call, as AWS does: only who can sign gets anything.
 * @returns whether the request only asked for that, and is answered.
 */
export function allowOrigin(request: IncomingMessage, response: ServerResponse, requestId: string): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  response.setHeader("access-control-allow-origin", "*");
  if (request.method !== "OPTIONS") {
    response.setHeader("access-control-expose-headers", EXPOSED);
    return false;
  }
  const { "access-control-request-headers": headers, "access-control-request-method": method } = request.headers;
  if (headers !== undefined) response.setHeader("access-control-allow-headers", headers);
  if (method !== undefined) response.setHeader("access-control-allow-methods", method);
  response.setHeader("access-control-max-age", PREFLIGHT_SECONDS);
  response.setHeader("x-amzn-requestid", requestId);
  response.writeHead(200, { "content-length": 0 });
  response.end();
  request.resume();
  return true;
}
