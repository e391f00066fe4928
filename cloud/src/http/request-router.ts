import type { IncomingMessage, ServerResponse } from "node:http";
import type { AwsFront } from "./aws-front.js";
import type { ConsoleRoutes } from "./hooks.js";

export interface RouterOptions {
  readonly aws: AwsFront;
  readonly console: ConsoleRoutes | undefined;
  readonly health: () => { readonly ok: boolean; readonly [detail: string]: unknown };
  readonly metrics: () => Promise<string>;
}

/** Picks who answers: health and metrics, the console's pages, or the AWS APIs, which take all else. */
export function routeRequest(options: RouterOptions, request: IncomingMessage, response: ServerResponse): void {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const path = request.url?.split("?", 1)[0];
  if (isRead && path === "/healthz") {
    const health = options.health();
    send(response, health.ok ? 200 : 503, "application/json", JSON.stringify(health));
  } else if (isRead && path === "/metrics") {
    options.metrics().then(
      (text) => send(response, 200, "text/plain; version=0.0.4; charset=utf-8", text),
      (error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  } else if (!isRead || options.console?.handle(request, response) !== true) {
    void options.aws.handle(request, response);
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
