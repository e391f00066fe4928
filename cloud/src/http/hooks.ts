import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Pages that share the port with the AWS APIs. HTTP/2 requests come with Node's compatible request and response. */
export interface ConsoleRoutes {
  /** Answers the request, or says false and leaves it untouched. Gets GET and HEAD only, of any path. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Ends what is still being sent (live pages never end by themselves). */
  close(): Promise<void>;
}

/** WebSockets that share the port. */
export interface UpgradeHandler {
  /** Owns the socket from here on: answers the upgrade, or refuses and closes it. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every socket it took. */
  close(): Promise<void>;
}
