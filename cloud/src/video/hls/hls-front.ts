import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Log, LogError } from "@headwater/log";
import type { Logger } from "pino";
import { CloudError, type ErrorCode } from "../../cloud-error.js";
import { sendAnswer } from "../../http/send-answer.js";
import type { CloudMetrics } from "../../metrics.js";
import { fromLogError } from "../../streams/log-failure.js";
import { toVideoWireError } from "../http/video-wire-errors.js";
import type { VideoContext } from "../operations/index.js";
import { FragmentGone } from "../store/read-fragment.js";
import { VideoError, type VideoErrorCode } from "../video-error.js";
import type { VideoTraffic } from "../video-traffic.js";
import { HlsResources, type HlsResource } from "./hls-resources.js";

const PATH = "/hls/v1/";

/** Players are pages of any origin; what they may see, the token says. */
const ANY_ORIGIN = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };
const PREFLIGHT = {
  ...ANY_ORIGIN,
  "access-control-allow-methods": "GET, HEAD, OPTIONS",
  "access-control-allow-headers": "*",
  "access-control-max-age": "86400",
};

/** How long a player may take nothing of an answer before it is cut: what it was sent waits in memory. */
const STALL_MAX_MS = 60_000;

export interface HlsFrontOptions {
  readonly context: VideoContext;
  readonly log: Log;
  readonly metrics: CloudMetrics;
  readonly traffic: VideoTraffic;
  readonly logger: Logger;
}

/** Whether a request is a player's. */
export function isHlsRequest({ url = "" }: IncomingMessage): boolean {
  return url.startsWith(PATH);
}

/** What players ask for with the URL of a session: playlists and segments. Who has the token needs no signature. */
export class HlsFront {
  readonly #options: HlsFrontOptions;
  readonly #resources: HlsResources;

  constructor(options: HlsFrontOptions) {
    this.#options = options;
    this.#resources = new HlsResources(options);
  }

  /** Answers players that wait for what is coming, so that the cloud can stop. */
  stopWaiting(): void {
    this.#resources.stopWaiting();
  }

  /** Answers the request, whatever happens. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const name = pathname.slice(PATH.length);
    const operation = this.#resources.operationOf(name) ?? "unknown";
    let failure: ErrorCode | VideoErrorCode | undefined;
    try {
      if (request.method === "OPTIONS") {
        response.writeHead(204, PREFLIGHT).end();
        return;
      }
      if (request.method !== "GET" && request.method !== "HEAD") throw new CloudError("wrong-method", "Use GET.");
      this.#send(request, response, await this.#resources.read(name, searchParams, response));
    } catch (thrown) {
      failure = this.#sendError(request, response, operation, thrown);
    }
    this.#options.metrics.answered(`Video.${operation}`, failure, performance.now() - startedMs);
  }

  #send(request: IncomingMessage, response: ServerResponse, { contentType, cacheControl, body }: HlsResource): void {
    const headers = { ...ANY_ORIGIN, "content-type": contentType, "cache-control": cacheControl };
    if (request.method === "HEAD") {
      response.writeHead(200, { ...headers, "content-length": body.length }).end();
      return;
    }
    this.#options.traffic.sent(body.length);
    response.setTimeout(STALL_MAX_MS);
    sendAnswer(request, response, { status: 200, headers, body });
  }

  #sendError(
    request: IncomingMessage,
    response: ServerResponse,
    operation: string,
    thrown: unknown,
  ): ErrorCode | VideoErrorCode {
    const { code, status, type, message } = toVideoWireError(meaningOf(thrown));
    const detail = { requestId: randomUUID(), operation, code };
    // What a player waits for does not come where a camera stops: no fault of ours.
    if (status >= 500 && code !== "server-busy")
      this.#options.logger.error({ ...detail, err: thrown }, "request failed");
    else this.#options.logger.debug({ ...detail, reason: message }, "request refused");
    if (response.destroyed || response.headersSent) return code;
    sendAnswer(request, response, {
      status,
      headers: {
        ...ANY_ORIGIN,
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-amzn-requestid": detail.requestId,
        "x-amzn-errortype": type,
      },
      body: request.method === "HEAD" ? Buffer.alloc(0) : Buffer.from(JSON.stringify({ Message: message })),
    });
    return code;
  }
}

/** A stream may be deleted, and its fragments expire, while they are read. */
function meaningOf(thrown: unknown): unknown {
  if (thrown instanceof FragmentGone) return new VideoError("fragment-not-found", "The fragment is no more.");
  return thrown instanceof LogError ? fromLogError(thrown) : thrown;
}
