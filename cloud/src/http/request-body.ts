import { createHash, hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { CloudError } from "../cloud-error.js";
import type { RequestMemory } from "../request-memory.js";
import type { RequestHead } from "./call.js";

export interface BodyLimits {
  readonly bytesMax: number;
  /** Longest silence between two chunks. */
  readonly idleMs: number;
  /** Longest time for the whole body. */
  readonly totalMs: number;
}

/** A body and its SHA-256 (lower-case hex), hashed as it came. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly sha256: string;
}

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

/** A body of more goes into memory of the request's own, as it comes; of a smaller one the chunks do. */
const GATHERED_BYTES_MIN = 64 << 10;

/**
 * @param memory where a large body goes; without it, into a buffer of its own.
 * @throws {CloudError} `request-too-large`, `request-too-slow`, `request-incomplete`.
 */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  memory?: RequestMemory,
): RequestBody | Promise<RequestBody> {
  const announced = Number(request.headers["content-length"] ?? 0);
  return wholeBody(request, announced) ?? gatherBody(request, announced, limits, memory);
}

/**
 * A small body that came with its headers, as most do: there is nothing to wait for, and nobody to watch over.
 * @returns undefined where not all of it is here, nothing was announced, or it is a large one.
 */
export function wholeBody(source: Readable, announced: number): RequestBody | undefined {
  if (announced === 0 || announced > GATHERED_BYTES_MIN || source.readableLength !== announced) return undefined;
  const bytes = source.read() as Buffer | null;
  return bytes === null ? undefined : { bytes, sha256: hash("sha256", bytes, "hex") };
}

/**
 * A body as it comes.
 * @param announced its length, where that is known; else 0.
 * @throws {CloudError} as {@link readBody}.
 */
export function gatherBody(
  source: Readable,
  announced: number,
  limits: BodyLimits,
  memory?: RequestMemory,
): Promise<RequestBody> {
  const slab = announced > GATHERED_BYTES_MIN ? memory?.take(announced) : undefined;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const sha256 = createHash("sha256");
    let length = 0;
    const tooSlow = (): void => finish(new CloudError("request-too-slow", "The request body came too slowly."));
    let idle = setTimeout(tooSlow, limits.idleMs);
    const total = setTimeout(tooSlow, limits.totalMs);
    const onData = (chunk: Buffer): void => {
      idle.refresh();
      length += chunk.length;
      if (length > limits.bytesMax) {
        finish(tooLarge(limits.bytesMax));
        return;
      }
      sha256.update(chunk);
      if (slab === undefined) chunks.push(chunk);
      else if (length <= announced) chunk.copy(slab, length - chunk.length);
      else finish(clientGone());
    };
    const onEnd = (): void => finish();
    const onClose = (cause?: Error): void => finish(clientGone(cause));
    const finish = (error?: Error): void => {
      clearTimeout(idle);
      clearTimeout(total);
      source.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      if (error !== undefined) {
        source.on("error", ignoreLateError);
        source.resume(); // what still comes is thrown away, so that the client gets to read its answer
        reject(error);
      } else {
        const only = chunks.length === 1 ? chunks[0] : undefined;
        const bytes = slab?.subarray(0, length) ?? only ?? Buffer.concat(chunks, length);
        resolve({ bytes, sha256: sha256.digest("hex") });
      }
    };
    source.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

/** The request's failure was answered already; a connection that breaks after that changes nothing. */
function ignoreLateError(): void {
  // nothing is left to do
}

/** The client left before its request was complete. */
export function clientGone(cause?: Error): CloudError {
  return new CloudError("request-incomplete", "The client went away before its request was complete.", { cause });
}

function tooLarge(bytesMax: number): CloudError {
  return new CloudError("request-too-large", `The request body is larger than ${bytesMax} bytes.`);
}
