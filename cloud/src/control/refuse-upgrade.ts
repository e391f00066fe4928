import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

/** An upgrade that is not granted. */
export interface Refusal {
  /** For the counter. */
  readonly cause: string;
  readonly status: number;
  /** AWS's name of the error. */
  readonly type: string;
  readonly message: string;
}

/** Answers an upgrade request the way the AWS APIs answer an error, and ends the connection. */
export function refuseUpgrade(socket: Duplex, { status, type, message }: Refusal): void {
  const body = JSON.stringify({ __type: type, message });
  // Sockets of an HTTP server stay half open: without this, a peer that never closes would keep its place.
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
      "Content-Type: application/x-amz-json-1.1",
      `Content-Length: ${Buffer.byteLength(body)}`,
      `x-amzn-RequestId: ${randomUUID()}`,
      `x-amzn-ErrorType: ${type}`,
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
