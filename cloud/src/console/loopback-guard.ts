import type { IncomingMessage } from "node:http";

/**
 * Why a request may not see the console, or undefined where it may. The console has no log-in yet, so it answers only
 * who already is on this machine (DESIGN.md, invariant 8): the cloud listens on loopback only, the peer is loopback,
 * no proxy stands between, and the browser was asked for a loopback name, since a foreign page can make any other
 * name point here (DNS rebinding).
 */
export function refuseForeigner(request: IncomingMessage, listensOnLoopback: boolean): string | undefined {
  const { headers, socket } = request;
  if (!listensOnLoopback) return "the cloud listens beyond loopback";
  if (!isLoopbackAddress(socket.remoteAddress ?? "")) return "the request comes from another machine";
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return "the request comes through a proxy";
  const host = headers[":authority"] ?? headers.host;
  if (typeof host !== "string" || !isLoopbackHost(host)) return "the request is addressed to another host name";
  return undefined;
}

/** Whether another site's page caused the request; such a page could not read the answer, but could use it up. */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  const { origin, "sec-fetch-site": site } = headers;
  // Older browsers say Origin only.
  if (origin !== undefined && !ownOrigins(headers[":authority"] ?? headers.host).includes(origin)) return true;
  return site !== undefined && site !== "same-origin" && site !== "none";
}

function ownOrigins(host: string | string[] | undefined): string[] {
  return [`http://${String(host)}`, `https://${String(host)}`];
}

const proxyHeaders = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/** Whether the address is one of this machine's own, `::ffff:127.0.0.1` included. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
}

function isLoopbackHost(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i.test(host);
}
