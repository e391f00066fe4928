import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { RequestMemory } from "../request-memory.js";
import type { RequestHead } from "./call.js";
import { BodyBytes } from "./body-bytes.js";
import { type BodyLimits, clientGone, GatheredBody, type RequestBody, tooLarge } from "./gathered-body.js";

/** A longer body is never here as a whole. */
const AT_ONCE_BYTES_MAX = 64 << 10;

/**
 * The bytes that the body may need: what its header announces, or the limit where it announces nothing.
 * @throws {CloudError} `request-too-large`, before a byte is read.
 */
export function announcedBytes(request: RequestHead, bytesMax: number): number {
  const { "content-length": length } = request.headers;
  if (length === undefined)
    return request.headers["transfer-encoding"] === undefined && request.httpVersionMajor === 1 ? 0 : bytesMax;
  const bytes = Number(length);
  if (!(bytes <= bytesMax)) throw tooLarge(bytesMax);
  return bytes;
}

/**
 * @param memory where goes what is copied of it; without it, into buffers of its own.
 * @throws {CloudError} as {@link GatheredBody}.
 */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  memory?: RequestMemory,
): RequestBody | Promise<RequestBody> {
  const announced = Number(request.headers["content-length"] ?? 0);
  return wholeBody(request, announced, true) ?? gatherBody(request, announced, limits, memory);
}

/**
 * A small body that came with its headers, as most do: there is nothing to wait for, and nobody to watch over.
 * @param isReadToEnd whether the source's end is looked for, too.
 * @returns undefined where not all of it is here, nothing was announced, or it is a large one.
 */
export function wholeBody(source: Readable, announced: number, isReadToEnd: boolean): RequestBody | undefined {
  if (announced === 0 || announced > AT_ONCE_BYTES_MAX || source.readableLength !== announced) return undefined;
  const bytes = (isReadToEnd ? source.read() : source.read(announced)) as Buffer | null;
  return bytes === null ? undefined : { bytes: new BodyBytes([bytes]), sha256: hash("sha256", bytes, "hex") };
}

/**
 * A body as a stream brings it.
 * @param announced its length, where that is known; else 0.
 * @throws {CloudError} as {@link GatheredBody}.
 */
export function gatherBody(
  source: Readable,
  announced: number,
  limits: BodyLimits,
  memory?: RequestMemory,
): Promise<RequestBody> {
  const onOver = (failure?: Error): void => {
    source.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    if (failure === undefined) return;
    source.on("error", ignoreLateError);
    source.resume(); // what still comes is thrown away, so that the client gets to read its answer
  };
  const body = new GatheredBody({ announced, limits, memory, onOver });
  const onData = (chunk: Buffer): void => body.push(chunk);
  const onEnd = (): void => body.end();
  const onClose = (cause?: Error): void => body.fail(clientGone(cause));
  source.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  return body.whole;
}

/** The request's failure was answered already; a connection that breaks after that changes nothing. */
function ignoreLateError(): void {
  // nothing is left to do
}
