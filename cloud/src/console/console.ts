import type { IncomingMessage, ServerResponse } from "node:http";
import { isStreamName } from "@headwater/protocol";
import type { Registry } from "../prometheus.js";
import type { ConsoleRoutes } from "../http/hooks.js";
import { type Asset, versionOf } from "./assets.js";
import { ConsoleMetrics } from "./console-metrics.js";
import type { StateGatherer, StreamSource } from "./console-state.js";
import { LiveConsole } from "./live-console.js";
import type { LiveSession } from "../video/hls/live-sessions.js";
import { isCrossSite, refuseForeigner } from "./loopback-guard.js";
import { tunnelPage } from "./tunnel-page.js";

export interface ConsoleOptions {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly streams: StreamSource;
  readonly gatherer: StateGatherer;
  /** The video streams that are live, each with the path of a session that plays it. */
  readonly liveVideo: () => readonly LiveSession[];
  readonly clock: { now(): number };
  readonly registry: Registry;
  /** Whether every listener of the cloud is on loopback. */
  readonly listensOnLoopback: boolean;
  /** Browsers that may look on at a time. */
  readonly clientsMax: number;
  /** Hears of a stream that could not be read, once until it can be read again. */
  readonly readFailed: (streamName: string, error: unknown) => void;
}

/** Shown until the page asks for another. */
const DEFAULT_STREAM = "sensors";

/**
 * The console: a page at `/console` that shows the chain from device to cloud and live records. Read-only, and only
 * for who is on this machine. See docs/design/console.md.
 */
export class Console implements ConsoleRoutes {
  readonly #options: ConsoleOptions;
  readonly #live: LiveConsole;
  readonly #version: string;
  readonly #metrics: ConsoleMetrics;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#version = versionOf(options.assets);
    this.#metrics = new ConsoleMetrics(options.registry, () => this.#live.clients);
    this.#live = new LiveConsole({ ...options, metrics: this.#metrics });
  }

  handle(request: IncomingMessage, response: ServerResponse): boolean {
    // By hand, since `new URL` throws on targets that a client may well send, such as `//`.
    const target = request.url ?? "";
    const query = target.indexOf("?");
    const pathname = query < 0 ? target : target.slice(0, query);
    // Whatever else GETs `/` is answered as AWS would.
    const { accept = "", authorization } = request.headers;
    const isRoot = target === "/" && authorization === undefined && accept.includes("text/html");
    if (!isRoot && pathname !== "/console" && !pathname.startsWith("/console/")) return false;
    const refusal = refuseForeigner(request, this.#options.listensOnLoopback);
    if (refusal !== undefined) {
      this.#metrics.refused.inc({ cause: "foreign" });
      send(response, 403, "text/html; charset=utf-8", tunnelPage(refusal, request.socket.localPort ?? 0));
    } else if (isRoot) {
      response.writeHead(302, { ...securityHeaders, location: "/console" }).end();
    } else if (pathname === "/console" || pathname === "/console/") {
      this.#asset("index.html", request, response);
    } else if (isCrossSite(request)) {
      this.#metrics.refused.inc({ cause: "cross-site" });
      sendText(response, 403, "Asked for by another site.");
    } else if (pathname === "/console/state") {
      const state = this.#options.gatherer.gather(this.#options.clock.now());
      send(response, 200, "application/json", JSON.stringify(state));
    } else if (pathname === "/console/video") {
      send(response, 200, "application/json", JSON.stringify(this.#options.liveVideo()));
    } else if (pathname === "/console/events") {
      const parameters = new URLSearchParams(query < 0 ? "" : target.slice(query));
      this.#events(parameters.get("stream") ?? DEFAULT_STREAM, request, response);
    } else {
      this.#asset(pathname.slice("/console/".length), request, response);
    }
    return true;
  }

  /** Ends the live pages; each reconnects by itself when the cloud is back. */
  close(): Promise<void> {
    this.#live.close();
    return Promise.resolve();
  }

  #asset(name: string, request: IncomingMessage, response: ServerResponse): void {
    const asset = this.#options.assets.get(name);
    if (asset === undefined) {
      sendText(response, 404, "There is no such page.");
    } else if (request.headers["if-none-match"] === asset.etag) {
      response.writeHead(304, { ...securityHeaders, etag: asset.etag }).end();
    } else {
      send(response, 200, asset.contentType, asset.body, { etag: asset.etag });
    }
  }

  #events(streamName: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== "GET") {
      sendText(response, 405, "GET only.");
    } else if (!isStreamName(streamName)) {
      sendText(response, 400, "A stream's name has 1 to 128 letters, digits, dots, hyphens and underscores.");
    } else if (this.#live.isFull) {
      this.#metrics.refused.inc({ cause: "too-many-pages" });
      sendText(response, 503, "Too many pages look on already.");
    } else {
      response.writeHead(200, { ...securityHeaders, "content-type": "text/event-stream" });
      response.write(`event: version\ndata: ${JSON.stringify(this.#version)}\n\n`);
      this.#live.add(streamName, response);
    }
  }
}

/** Nothing from elsewhere, nothing inline, no string ever becomes markup. */
const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src blob:; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
} as const;

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...securityHeaders, ...headers, "content-type": contentType, "content-length": length });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, "text/plain; charset=utf-8", text + "\n");
}
