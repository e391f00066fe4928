import { createServer, type Server } from "node:http";
import type { Logger } from "pino";
import type { Running } from "../part.js";

/** `/healthz` and `/metrics` of a part that has no HTTP port of its own. */
export interface OperatorHttp {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Listens on loopback only: neither page asks who is there.
 * @param port 0 takes a free one.
 * @throws the listener's error, such as EADDRINUSE.
 */
export async function serveOperatorHttp(port: number, running: Running, logger: Logger): Promise<OperatorHttp> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const path = request.url?.split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") answer(405, "text/plain", "GET only\n");
    else if (path === "/healthz") {
      const health = running.health();
      answer(health.ok ? 200 : 503, "application/json", `${JSON.stringify(health)}\n`);
    } else if (path === "/metrics")
      running.metrics().then(
        (text) => answer(200, "text/plain; version=0.0.4; charset=utf-8", text),
        (error: unknown) => {
          logger.error({ err: error }, "metrics failed");
          answer(500, "text/plain", "metrics failed; the log says why\n");
        },
      );
    else answer(404, "text/plain", "there is /healthz and /metrics\n");
  });
  await listen(server, port);
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("a TCP listener has an address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
