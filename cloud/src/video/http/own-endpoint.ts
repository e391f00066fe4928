import type { IncomingMessage } from "node:http";

/**
 * Our own URL as this client reached it. The C producer leaves the port out of its Host header whatever it is, so a
 * missing port is the one that it connected to.
 */
export function ownEndpoint(request: IncomingMessage): string {
  const host = String(request.headers[":authority"] ?? request.headers.host ?? "");
  const hasPort = /:\d+$/.test(host);
  return `http://${hasPort ? host : `${host}:${request.socket.localPort}`}`;
}
