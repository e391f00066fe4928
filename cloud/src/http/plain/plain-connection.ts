import type { Socket } from "node:net";
import type { CallAnswer } from "../call.js";
import { LINGER_MS } from "../linger.js";
import type { RefusalCause } from "../listener.js";
import { ComingBody } from "./coming-body.js";
import { writePlainAnswer } from "./plain-answer.js";
import { type PlainAnswers, PlainCall } from "./plain-call.js";
import { readPlainHead } from "./plain-head.js";

/** What a connection on the short way needs of the listener. */
export interface PlainHost {
  /** Whether calls of this `X-Amz-Target` are answered here. */
  readonly takes: (target: string) => boolean;
  /** Begins a call, now or in its turn. `start` says what to do then. */
  readonly begin: (socket: Socket, start: () => void) => void;
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

/**
 * A connection whose requests have all been plain so far: the head of each came in one read, and nothing followed it before its
 * answer. They are read and answered here, without Node's HTTP. At the first one that is anything else, the connection goes to
 * Node's server with its bytes, and stays there. See docs/design/http-front.md, "The short way".
 */
export class PlainConnection implements PlainAnswers {
  readonly #socket: Socket;
  readonly #host: PlainHost;
  #silence: NodeJS.Timeout;
  /** When a call, or some of one, came or ended last. */
  #sinceMs = performance.now();
  #call: PlainCall | undefined;
  /** The call's body, where not all of it came with the head. */
  #coming: ComingBody | undefined;
  #isTaken = false;
  /** Bounds how long the body of a call that is answered may go on coming. */
  #linger: NodeJS.Timeout | undefined;
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
    if (this.#call === undefined) this.#socket.destroySoon();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#call !== undefined) return this.#goOn(chunk);
    const head = readPlainHead(chunk);
    if (head === undefined || !this.#host.takes(head.headers["x-amz-target"])) return this.#leave(chunk);
    const body = chunk.subarray(head.bodyFrom);
    if (body.length > head.bodyBytes) return this.#leave(chunk);
    this.#sinceMs = performance.now();
    if (body.length === head.bodyBytes) return this.#begin(new PlainCall(head, body, this));
    const coming = new ComingBody(head.bodyBytes, body, () => void this.#socket.resume());
    this.#coming = coming;
    this.#begin(new PlainCall(head, coming, this));
    if (!coming.isWanted) this.#socket.pause();
  };

  /** What comes while a call is under way. */
  #goOn(chunk: Buffer): void {
    this.#sinceMs = performance.now();
    const coming = this.#coming;
    const behind = coming === undefined || coming.isWhole ? chunk : coming.push(chunk);
    if (behind !== undefined) {
      this.#early = this.#early === undefined ? behind : Buffer.concat([this.#early, behind]);
      this.#socket.pause();
    }
    if (this.#isTaken && coming?.isWhole === true) this.#over(true);
  }

  #begin(call: PlainCall): void {
    this.#call = call;
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
    if (this.#coming?.isWhole === false) this.#letIn(this.#coming);
    writePlainAnswer(this.#socket, answer, { keepAliveMs, onTaken: this.#onTaken });
    // Mostly the system has taken it by now. Else the socket watches over its being taken, bit by bit.
    if (this.#socket.writableLength > 0) this.#socket.setTimeout(this.#host.idleMs);
  }

  readonly #onTaken = (error?: Error | null): void => {
    if (this.#call === undefined) return;
    // Of a connection that was cut, Node says so without an error.
    const isTaken = !error && !this.isGone;
    if (isTaken && this.#coming?.isWhole === false) this.#isTaken = true;
    else this.#over(isTaken);
  };

  /** Closing at once would make the client's system throw away the answer, so what still comes of a refused body is let in for a while. */
  #letIn(refused: ComingBody): void {
    this.#linger = setTimeout(this.cut, LINGER_MS).unref();
    refused.discard();
  }

  #over(isTaken: boolean): void {
    const call = this.#call;
    this.#call = undefined;
    this.#coming?.fail();
    this.#coming = undefined;
    this.#isTaken = false;
    clearTimeout(this.#linger);
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

  /** Gives the connection to Node's server. */
  #leave(unread: Buffer): void {
    this.#forget();
    this.#socket.off("timeout", this.cut).off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    this.#host.serveByNode(this.#socket, unread);
  }

  /** Who closes its end is gone, as to Node's server. */
  readonly #onEnd = (): void => {
    if (this.#call === undefined || this.#coming?.isWhole !== false || this.#call.isAnswered)
      this.#socket.destroySoon();
    else this.#host.refuseHalf(this.#socket);
  };

  readonly #onClose = (): void => {
    this.#forget();
    if (this.#call !== undefined) this.#over(false);
  };

  /** Looks whether nothing has happened for too long; a timer that each call sets anew would cost more. */
  readonly #onSilence = (): void => {
    const { keptMs, idleMs } = this.#host;
    const sinceMs = this.#socket.timeout ? performance.now() : this.#sinceMs; // over an answer that is being taken the socket watches
    const leftMs = sinceMs + (this.#call === undefined ? keptMs : idleMs) - performance.now();
    if (leftMs <= 0) this.#socket.destroySoon();
    else this.#silence = setTimeout(this.#onSilence, Math.min(Math.ceil(leftMs), keptMs)).unref();
  };

  readonly cut = (): void => void this.#socket.destroy();

  #forget(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    clearTimeout(this.#silence);
    this.#host.onLeft(this);
  }
}
