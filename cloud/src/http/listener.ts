import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PlainConnection, type PlainHost } from "./plain/plain-connection.js";
import { RequestTurns } from "./request-turns.js";
import { WebSocketOrNoUpgrade } from "./websocket-or-no-upgrade.js";

/** How every HTTP/2 connection begins (RFC 9113, section 3.4); no HTTP/1.1 method begins so. */
const HTTP2_PREFACE = "PRI";

const HEADERS_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
/** How much longer a connection is kept than its client is told. Node's server has the same. */
const KEEP_ALIVE_SLACK_MS = 1000;
const HEADER_BYTES_MAX = 32 * 1024;
const CONNECTIONS_MAX = 10_000;
/** Requests of one connection at once: streams, or over HTTP/1.1 what is sent before the answers come. */
const REQUESTS_MAX = 128;
/** The default, 64 KiB, caps a stream at 64 KiB a round trip. */
const HTTP2_STREAM_WINDOW_BYTES = 1 << 20;
const HTTP2_SESSION_WINDOW_BYTES = 16 << 20;
/** Node counts what a session holds in either direction; beyond it, streams are refused. */
const HTTP2_SESSION_MEMORY_MIB = 64;
/** How long a connection may neither send nor take a byte. */
const IDLE_MS = 5 * 60_000;
/** How often in a row the peer of a connection that is held need not answer. */
const UNANSWERED_MAX = 2;
/** How soon TCP asks whether a silent peer is there. */
const KEEP_ALIVE_PROBE_MS = 60_000;
const STOP_GRACE_MS = 5_000;
const FLUSH_GRACE_MS = 500;

/** Why a connection or a request ended before there was anything to answer. */
export type RefusalCause =
  | "not-http"
  | "headers-too-large"
  | "headers-too-slow"
  | "too-many-connections"
  /** Sent before the answers to those before them. */
  | "too-many-requests"
  /** The client reset the request, or left, before it began. */
  | "gone-at-once";

export interface ListenerHandlers {
  /** Called for requests of both protocols; HTTP/2's come with Node's compatible request and response. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Owns the socket. Called for WebSockets only, and so for HTTP/1.1 only: other offers to upgrade are ignored. */
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly onRefused: (cause: RefusalCause) => void;
  /** Takes some requests without Node's HTTP; where it is not there, none. */
  readonly plain?: Pick<PlainHost, "takes" | "onCall">;
}

/**
 * HTTP/1.1 and prior-knowledge HTTP/2 on one port, told apart by a connection's first bytes. Node's request timeout is
 * off, since it cuts long uploads; who reads a body watches over its progress.
 * See docs/design/http-front.md.
 */
export class Listener {
  readonly #http1: Server;
  readonly #http2: Http2Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #onRefused: (cause: RefusalCause) => void;
  readonly #turns = new RequestTurns();
  readonly #plain: PlainHost | undefined;
  readonly #plainConnections = new Set<PlainConnection>();
  /** The answers of each connection that are under way. */
  readonly #unanswered = new WeakMap<object, Set<ServerResponse>>();
  #requests = 0;
  #onIdle: (() => void) | undefined;

  /** @param idleMs how long a connection may neither send nor take a byte. */
  constructor({ onRequest, onUpgrade, onRefused, plain }: ListenerHandlers, idleMs = IDLE_MS) {
    this.#onRefused = onRefused;
    const counted = (request: IncomingMessage, response: ServerResponse): void => {
      this.#requests += 1;
      if (request.url?.startsWith("/") === false) request.url = originForm(request.url);
      const connection = connectionOf(request);
      const unanswered = this.#unanswered.get(connection) ?? new Set();
      this.#unanswered.set(connection, unanswered.add(response));
      response.once("close", () => {
        unanswered.delete(response);
        this.#requestOver();
      });
      // HTTP/2's clients are told before they begin; and of those who reset their requests nothing is left to refuse.
      if (unanswered.size > REQUESTS_MAX && request.httpVersionMajor === 1) {
        if (!request.socket.destroyed) onRefused("too-many-requests");
        request.socket.destroy();
        return;
      }
      this.#turns.begin(connection, () => {
        if (isGone(request, response)) onRefused("gone-at-once");
        else onRequest(request, response);
      });
    };
    this.#http1 = createServer({
      IncomingMessage: WebSocketOrNoUpgrade,
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    });
    // Node's server takes each connection for HTTP/1.1; ours looks first.
    const [serveHttp1] = this.#http1.listeners("connection");
    this.#http1.removeAllListeners("connection");
    const serveByNode = (socket: Socket, unread: Buffer): void => {
      socket.pause();
      socket.unshift(unread);
      (serveHttp1 as (socket: Socket) => void).call(this.#http1, socket);
      socket.once("close", () => closeQueued(this.#unanswered.get(socket)));
      socket.resume();
    };
    this.#plain = plain && {
      ...plain,
      begin: (socket, start) => {
        this.#requests += 1;
        this.#turns.begin(socket, start);
      },
      onOver: () => this.#requestOver(),
      onRefused,
      refuseHalf: (socket) => this.#refuse(new Error("half a request"), socket),
      serveByNode,
      onLeft: (connection) => this.#plainConnections.delete(connection),
      keepAliveMs: Math.min(KEEP_ALIVE_MS, idleMs),
      keptMs: Math.min(KEEP_ALIVE_MS + KEEP_ALIVE_SLACK_MS, idleMs),
      idleMs,
    };
    this.#http1.on("connection", (socket: Socket) => this.#sniff(socket, serveByNode));
    this.#http1.maxConnections = CONNECTIONS_MAX;
    this.#http1.on("request", counted);
    this.#http1.on("checkContinue", counted); // whoever reads the body says `100 Continue` first
    this.#http1.on("upgrade", onUpgrade);
    this.#http1.on("clientError", (error, socket) => this.#refuse(error, socket));
    this.#http1.on("drop", () => onRefused("too-many-connections"));
    // Cuts who stopped reading an answer; a body that stalls is cut far earlier by whoever reads it.
    this.#http1.timeout = idleMs;

    this.#http2 = createHttp2Server({
      maxSessionMemory: HTTP2_SESSION_MEMORY_MIB,
      settings: {
        initialWindowSize: HTTP2_STREAM_WINDOW_BYTES,
        maxConcurrentStreams: REQUESTS_MAX,
        maxHeaderListSize: HEADER_BYTES_MAX,
      },
    });
    // The compatible request and response have all that a handler of ours uses.
    const countedHttp2 = counted as unknown as Parameters<Http2Server["on"]>[1];
    this.#http2.on("request", countedHttp2).on("checkContinue", countedHttp2);
    this.#http2.on("session", (session) => this.#welcome(session, idleMs));
    this.#http2.on("sessionError", (error: Error & { code?: string }) => {
      if (error.code === "ERR_HTTP2_ERROR") onRefused("not-http");
    });
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Resolves with the address. @throws the system's error, such as EADDRINUSE. */
  listen(port: number, host: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#http1.once("error", reject);
      this.#http1.listen(port, host, () => {
        this.#http1.off("error", reject);
        resolve(this.#http1.address() as AddressInfo);
      });
    });
  }

  /** Takes no more requests, lets those under way end for a few seconds, then cuts what is left. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http1.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    this.#http1.closeIdleConnections();
    for (const connection of this.#plainConnections) connection.stop();
    if (this.#requests > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, STOP_GRACE_MS);
        this.#onIdle = () => {
          clearTimeout(timer);
          // One turn of the loop lets the last answer leave.
          setImmediate(resolve);
        };
      });
    }
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroySoon();
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, FLUSH_GRACE_MS);
    await closed;
    clearTimeout(cut);
  }

  /** Looks at a connection's first bytes, puts them back, and hands it to its protocol. */
  #sniff(socket: Socket, serveByNode: PlainHost["serveByNode"]): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
    const silence = setTimeout(() => {
      this.#onRefused("headers-too-slow");
      socket.destroy();
    }, HEADERS_TIMEOUT_MS);
    const stopSilence = (): void => clearTimeout(silence);
    const leave = (): void => void socket.destroy();
    socket.once("end", leave); // or it would stay half open
    socket.once("close", stopSilence);
    socket.on("error", ignore); // until its protocol listens; a broken connection needs no answer
    let seen: Buffer = Buffer.alloc(0);
    const look = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const start = seen.toString("latin1", 0, HTTP2_PREFACE.length);
      if (start.length < HTTP2_PREFACE.length && HTTP2_PREFACE.startsWith(start)) return;
      stopSilence();
      socket.off("data", look).off("close", stopSilence).off("end", leave);
      if (start === HTTP2_PREFACE) {
        socket.pause();
        socket.unshift(seen);
        // As in a server for HTTP/2 alone: a peer that has closed its end is gone. HTTP/1.1's may still wait for an answer.
        socket.allowHalfOpen = false;
        this.#http2.emit("connection", socket);
      } else if (this.#plain === undefined) serveByNode(socket, seen);
      else {
        const connection = new PlainConnection(socket, this.#plain);
        this.#plainConnections.add(connection);
        connection.push(seen);
      }
    };
    socket.on("data", look);
  }

  #requestOver(): void {
    this.#requests -= 1;
    if (this.#requests === 0) this.#onIdle?.();
  }

  #welcome(session: ServerHttp2Session, idleMs: number): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.setLocalWindowSize(HTTP2_SESSION_WINDOW_BYTES);
    session.setTimeout(idleMs);
    let unanswered = 0;
    session.on("timeout", () => {
      if (holds.has(session) && unanswered < UNANSWERED_MAX && !session.closed) {
        unanswered += 1;
        session.ping((error) => {
          if (error === null) unanswered = 0;
        });
        session.setTimeout(idleMs);
      } else if (session.closed || unanswered > 0) session.destroy();
      // Asked to go first; whoever still holds streams the next time has stopped reading them.
      else session.close();
    });
  }

  /** Answers bytes that are no HTTP request. */
  #refuse({ code = "" }: Error & { code?: string }, socket: Duplex): void {
    if (!socket.writable || code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const { status, cause } = clientErrors.get(code) ?? { status: "400 Bad Request", cause: "not-http" };
    this.#onRefused(cause);
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  }
}

/**
 * Keeps a request's connection for as long as the answer is under way, however silent both are. Over HTTP/2, which other
 * requests may share, its peer must go on answering PING; over HTTP/1.1 TCP asks it.
 */
export function hold(request: IncomingMessage, response: ServerResponse): void {
  if (!("stream" in request)) {
    request.setTimeout(0);
    request.socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    return;
  }
  const { session } = request.stream as ServerHttp2Stream;
  if (session === undefined) return; // gone already
  holds.set(session, (holds.get(session) ?? 0) + 1);
  response.once("close", () => {
    const left = (holds.get(session) ?? 0) - 1;
    if (left > 0) holds.set(session, left);
    else holds.delete(session);
  });
}

/** Whether the client has reset the request, or left. */
export function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return "stream" in request ? (request.stream as ServerHttp2Stream).destroyed : response.destroyed;
}

/**
 * Of a connection that breaks, Node tells the one answer that is being sent. Those that are queued behind it would never hear that
 * nobody waits for them.
 */
function closeQueued(answers: Iterable<ServerResponse> = []): void {
  for (const answer of answers) {
    if (answer.socket !== null || answer.writableFinished) continue;
    answer.destroy();
    answer.emit("close");
  }
}

/** Of a whole address, which clients of proxies send, what others send and sign (RFC 9112, section 3.2). */
function originForm(target: string): string {
  const [, path, query = ""] = /^https?:\/\/[^/?#]*(\/[^?]*)?(\?.*)?$/i.exec(target) ?? [undefined, target];
  return (path ?? "/") + query;
}

/** The same object for all requests of a connection. */
function connectionOf(request: IncomingMessage): object {
  return "stream" in request ? ((request.stream as ServerHttp2Stream).session ?? request) : request.socket;
}

/** How many answers hold each HTTP/2 connection. */
const holds = new WeakMap<Http2Session, number>();

/** Ends a request whose body nobody wants any more, and with HTTP/1.1 its connection. */
export function cutOff(request: IncomingMessage): void {
  if ("stream" in request) (request.stream as ServerHttp2Stream).close();
  else request.destroy();
}

const clientErrors = new Map<string, { readonly status: string; readonly cause: RefusalCause }>([
  ["HPE_HEADER_OVERFLOW", { status: "431 Request Header Fields Too Large", cause: "headers-too-large" }],
  ["ERR_HTTP_REQUEST_TIMEOUT", { status: "408 Request Timeout", cause: "headers-too-slow" }],
]);

function ignore(): void {
  // the connection is gone, and with it whoever could be told
}
