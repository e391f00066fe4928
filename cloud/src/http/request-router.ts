import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { refuseUpgrade } from "../control/refuse-upgrade.js";
import { isLeaseRequest, type LeaseFront } from "../leases/lease-front.js";
import { isMetricDataRequest, type MetricDataFront } from "../metric-data/metric-data-front.js";
import { isHlsRequest } from "../video/hls/hls-front.js";
import { isVideoRequest, type VideoFront } from "../video/http/video-front.js";
import type { AwsFront } from "./aws-front.js";
import type { ConsoleRoutes, UpgradeHandler } from "./hooks.js";
import type { PlainCall } from "./plain/plain-call.js";
import { cutOff } from "./listener.js";
import { nodeCall } from "./http2-call.js";
import { wireErrors } from "./wire-errors.js";

export interface RouterOptions {
  readonly aws: Pick<AwsFront, "handle">;
  readonly leases: Pick<LeaseFront, "handle">;
  readonly metricData: Pick<MetricDataFront, "handle">;
  readonly video: Pick<VideoFront, "handle">;
  readonly console: Pick<ConsoleRoutes, "handle"> | undefined;
  readonly control: Pick<UpgradeHandler, "handleUpgrade">;
  readonly health: () => { readonly ok: boolean; readonly [detail: string]: unknown };
  readonly metrics: () => Promise<string>;
  /** Told of every request that ended in an error which nobody threw on purpose; its client hears a 500. */
  readonly onBug: (
    error: unknown,
    request: { readonly method?: string | undefined; readonly url?: string | undefined },
    elapsedMs: number,
  ) => void;
}

/**
 * Picks who answers: health and metrics, the console's pages, Video Streams, the lease tables, CloudWatch's
 * PutMetricData, or Data Streams, which take all else. A handler that fails costs one request, not the process.
 */
export function routeRequest(options: RouterOptions, request: IncomingMessage, response: ServerResponse): void {
  const startedMs = performance.now();
  handle(options, request, response).catch((error: unknown) => {
    options.onBug(error, request, performance.now() - startedMs);
    answerBug(request, response);
  });
}

/** Calls of the short way are all for Data Streams. */
export function routeCall({ aws, onBug }: RouterOptions, call: PlainCall): void {
  const startedMs = performance.now();
  aws.handle(call).catch((error: unknown) => {
    onBug(error, { method: call.method, url: call.signed.target }, performance.now() - startedMs);
    call.fail();
  });
}

/** WebSocket upgrades are all for the control channel. */
export function routeUpgrade(options: RouterOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const startedMs = performance.now();
  try {
    options.control.handleUpgrade(request, socket, head);
  } catch (error) {
    options.onBug(error, request, performance.now() - startedMs);
    refuseUpgrade(socket, { cause: "internal", ...wireErrors.internal });
  }
}

/** Async, so that whatever is thrown is a rejection. */
async function handle(options: RouterOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const path = isRead ? request.url?.split("?", 1)[0] : undefined;
  if (isRead && path === "/healthz") {
    const health = options.health();
    send(response, health.ok ? 200 : 503, "application/json", JSON.stringify(health));
  } else if (isRead && path === "/metrics") {
    send(response, 200, "text/plain; version=0.0.4; charset=utf-8", await options.metrics());
  } else if (isHlsRequest(request) || (!isRead && isVideoRequest(request))) {
    await options.video.handle(request, response);
  } else if (!isRead && isLeaseRequest(request)) {
    await options.leases.handle(request, response);
  } else if (!isRead && isMetricDataRequest(request)) {
    await options.metricData.handle(request, response);
  } else if (!isRead || options.console?.handle(request, response) !== true) {
    await options.aws.handle(nodeCall(request, response));
  }
}

function answerBug(request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) return cutOff(request); // half an answer must not look like a whole one
  const { status, type, message } = wireErrors.internal;
  // A body that nobody reads any more would hold up the connection's next request.
  if (!request.complete) response.once("finish", () => cutOff(request));
  response.setHeader("x-amzn-requestid", randomUUID());
  send(response, status, "application/x-amz-json-1.1", JSON.stringify({ __type: type, message }));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
