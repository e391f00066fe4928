import type { Socket } from "node:net";
import type { CallAnswer } from "../call.js";
import type { RefusalCause } from "../listener.js";
import { writePlainAnswer } from "./plain-answer.js";
import { type PlainAnswers, PlainCall } from "./plain-call.js";
import { type PlainHead, readPlainHead } from "./plain-head.js";

/** How long a head waits for its body before Node gets both: clients that send them apart send them one after the other. */
const HALF_MS = 1000;
/** A longer body never comes in one read. */
const BODY_BYTES_MAX = 64 << 10;

/** What a connection on the short way needs of the listener. */
export interface PlainHost {
  /** Whether calls of this `X-Amz-Target` are answered here. */
  readonly takes: (target: string) => boolean;
  /** Begins a call, now or in its turn. `start` says what to do then. */
  readonly begin: (socket: Socket, start: () => void) => void;
  /** The same for what is no call: thousands of heads may have come together, and have waited long enough together. */
  readonly inTurn: (socket: Socket, start: () => void) => void;
  readonly onCall: (call: PlainCall) => void;
  /** Told once for each call that began, when it is over. */
  readonly onOver: () => void;
  readonly onRefused: (cause: RefusalCause) => void;
  /** Answers half a request whose client has closed its end. */
  readonly refuseHalf: (socket: Socket) => void;
  /** Gives a connection to Node's server, with the bytes that nobody has read. */
  readonly serveByNode: (socket: Socket, unread: Buffer) => void;
  /** Told when the short way has nothing to do with the connection any more. */
  readonly onLeft: (connection: PlainConnection) => void;
  /** How long clients are told that a connection is kept which has nothing under way. */
  readonly keepAliveMs: number;
  /** How long it is kept: a request that is sent in the last moment must still find it. */
  readonly keptMs: number;
  /** How long a connection may neither send nor take a byte. */
  readonly idleMs: number;
}

/** A head whose body is to come, as most clients in Python send them. */
interface Half {
  readonly head: PlainHead;
  readonly bytes: Buffer;
  readonly timer: NodeJS.Timeout;
}

/**
 * A connection whose requests have all been plain so far: each came whole, and nothing followed it before its answer. They
 * are read and answered here, without Node's HTTP. At the first one that is anything else, the connection goes to
 * Node's server with its bytes, and stays there. See docs/design/http-front.md, "The short way".
 */
export class PlainConnection implements PlainAnswers {
  readonly #socket: Socket;
  readonly #host: PlainHost;
  #silence: NodeJS.Timeout;
  /** When a call, or the head of one, came or ended last. */
  #sinceMs = performance.now();
  #half: Half | undefined;
  #call: PlainCall | undefined;
  /** What came while a call was under way; nothing is read until that is over. */
  #early: Buffer | undefined;
  #isLast = false;
  #hasLeft = false;

  /** @param socket with no reader. */
  constructor(socket: Socket, host: PlainHost) {
    this.#socket = socket;
    this.#host = host;
    this.#silence = setTimeout(this.#onSilence, host.keptMs).unref();
    socket.on("timeout", this.cut).on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose);
  }

  /** Reads what came on the connection before. */
  push(bytes: Buffer): void {
    this.#onData(bytes);
  }

  /** Answers what is under way, and ends. */
  stop(): void {
    this.#isLast = true;
    if (this.#half !== undefined) this.#leave(this.#half.bytes);
    else if (this.#call === undefined) this.#socket.destroySoon();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#call !== undefined) {
      this.#early = this.#early === undefined ? chunk : Buffer.concat([this.#early, chunk]);
      this.#socket.pause();
      return;
    }
    if (this.#half !== undefined) return this.#join(this.#half, chunk);
    const head = readPlainHead(chunk);
    if (head === undefined || !this.#host.takes(head.headers["x-amz-target"])) return this.#leave(chunk);
    const { bodyFrom, bodyBytes } = head;
    const missing = bodyFrom + bodyBytes - chunk.length;
    if (missing === 0) this.#begin(head, chunk.subarray(bodyFrom));
    else if (missing === bodyBytes && bodyBytes <= BODY_BYTES_MAX) {
      this.#sinceMs = performance.now();
      const half: Half = { head, bytes: chunk, timer: setTimeout(() => this.#leaveWith(half), HALF_MS) };
      this.#half = half;
    } else this.#leave(chunk);
  };

  /** The body, if it comes in one piece. */
  #join({ head, bytes, timer }: Half, chunk: Buffer): void {
    if (chunk.length !== head.bodyBytes) return this.#leave(Buffer.concat([bytes, chunk]));
    clearTimeout(timer);
    this.#half = undefined;
    this.#begin(head, chunk);
  }

  #begin(head: PlainHead, body: Buffer): void {
    const call = new PlainCall(head, body, this);
    this.#call = call;
    this.#sinceMs = performance.now();
    this.#host.begin(this.#socket, () => {
      if (this.isGone) this.#host.onRefused("gone-at-once");
      else this.#host.onCall(call);
    });
  }

  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  send(answer: CallAnswer): void {
    if (this.isGone) return;
    const keepAliveMs = this.#isLast ? undefined : this.#host.keepAliveMs;
    writePlainAnswer(this.#socket, answer, { keepAliveMs, onTaken: this.#onTaken });
    // Mostly the system has taken it by now. Else the socket watches over its being taken, bit by bit.
    if (this.#socket.writableLength > 0) this.#socket.setTimeout(this.#host.idleMs);
  }

  readonly #onTaken = (error?: Error | null): void => {
    // Of a connection that was cut, Node says so without an error.
    if (this.#call !== undefined) this.#over(!error && !this.isGone);
  };

  #over(isTaken: boolean): void {
    const call = this.#call;
    this.#call = undefined;
    call?.end(isTaken);
    this.#host.onOver();
    if (this.#socket.destroyed) return;
    const early = this.#early;
    if (this.#isLast) this.#socket.destroySoon();
    else if (early !== undefined) {
      this.#early = undefined;
      this.#leave(early);
    } else {
      this.#sinceMs = performance.now();
      if (this.#socket.timeout) this.#socket.setTimeout(0);
    }
  }

  /** In its turn, in which the body may come, or the client leave. */
  #leaveWith(half: Half): void {
    this.#host.inTurn(this.#socket, () => {
      if (this.#half === half) this.#leave(half.bytes);
    });
  }

  /** Gives the connection to Node's server. */
  #leave(unread: Buffer): void {
    this.#forget();
    this.#socket.off("timeout", this.cut).off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    this.#host.serveByNode(this.#socket, unread);
  }

  /** Who closes its end is gone, as to Node's server. */
  readonly #onEnd = (): void => {
    if (this.#half === undefined) this.#socket.destroySoon();
    else this.#host.refuseHalf(this.#socket);
  };

  readonly #onClose = (): void => {
    this.#forget();
    if (this.#call !== undefined) this.#over(false);
  };

  /** Looks whether nothing has happened for too long; a timer that each call sets anew would cost more. */
  readonly #onSilence = (): void => {
    const { keptMs, idleMs } = this.#host;
    const leftMs = this.#sinceMs + (this.#call === undefined ? keptMs : idleMs) - performance.now();
    if (leftMs <= 0) this.#socket.destroySoon();
    else this.#silence = setTimeout(this.#onSilence, Math.min(Math.ceil(leftMs), keptMs)).unref();
  };

  readonly cut = (): void => void this.#socket.destroy();

  #forget(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    clearTimeout(this.#silence);
    clearTimeout(this.#half?.timer);
    this.#half = undefined;
    this.#host.onLeft(this);
  }
}
