import { IncomingMessage } from "node:http";

/**
 * A request that is an upgrade only if it asks for a WebSocket. Where somebody listens for upgrades, Node takes every
 * request with an Upgrade header away from those who answer requests; but an offer of a protocol that is not served
 * (curl and Java's client offer h2c with each request) is to be ignored: RFC 9110, section 7.8.
 *
 * Node's parser sets `upgrade`, and asks for it once the headers are there; the base class has it as a plain property.
 */
export class WebSocketOrNoUpgrade extends IncomingMessage {
  /** Set by the base class's constructor, so not a private field, which would not be there yet. */
  declare private offersUpgrade: boolean | null;

  get upgrade(): boolean {
    return this.offersUpgrade === true && this.headers.upgrade?.toLowerCase() === "websocket";
  }

  set upgrade(offers: boolean | null) {
    this.offersUpgrade = offers;
  }
}
