import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { Refusal } from "../gateway-error.js";
import type { ByteBudget } from "./byte-budget.js";
import { type FrameHeader, FrameScanner, packetTypes } from "./frame-scanner.js";

export interface GuardLimits {
  /** Largest PUBLISH packet. */
  readonly publishBytesMax: number;
  /** Largest packet of any other type, CONNECT among them: its will takes up to 64 KiB. */
  readonly otherBytesMax: number;
}

/** What a message takes in memory besides its bytes, or so: many small ones count too. */
const MESSAGE_OVERHEAD_BYTES = 512;
/** How long a PUBLISH may take that holds room which others wait for: as long as a device waits for its PUBACK. */
const PUBLISH_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 4;
/** Of one connection, between the socket and the broker. What one read gives is dispatched by the broker at once. */
const READ_BYTES_MAX = 128 * 1024;

/**
 * Stands between a socket and a broker that takes packets of any length. It reads the length that a packet declares and
 * ends the connection if that is too much; it lets only the CONNECT through until {@link admit}; and it borrows every
 * PUBLISH's bytes from a budget that all connections share before it reads them, so memory is bounded.
 */
export class GuardedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #budget: ByteBudget;
  readonly #limits: GuardLimits;
  readonly #scanner = new FrameScanner();
  /** What was read and not yet passed on, from {@link #at} on. */
  #chunk: Buffer | undefined;
  #at = 0;
  #isWanted = false;
  #isPumping = false;
  #gate: "connecting" | "authenticating" | "open" | "borrowing" | "paused" = "connecting";
  /** Of each PUBLISH that was passed on or is about to be, in their order. */
  readonly #borrowedBytes: number[] = [];
  #takeBack: (() => void) | undefined;
  /** Bytes of the PUBLISH that has begun and not ended; 0 where there is none. */
  #begunBytes = 0;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, budget: ByteBudget, limits: GuardLimits) {
    super({ readableHighWaterMark: READ_BYTES_MAX, writableHighWaterMark: 16 * 1024, allowHalfOpen: false });
    this.#socket = socket;
    this.#budget = budget;
    this.#limits = limits;
    socket.on("readable", () => this.#pump());
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  /** The client is who it says: what follows its CONNECT may come. */
  admit(): void {
    if (this.#gate !== "authenticating") return;
    this.#gate = "open";
    this.#pump();
  }

  /** Reads no further; what was passed on already can still be answered. */
  pauseReading(): void {
    this.#gate = "paused";
  }

  /**
   * Hands the oldest PUBLISH's loan to the caller, who gives it back to the budget once the message is dealt with.
   * @returns its bytes; 0 where there is none.
   */
  takeLoan(): number {
    return this.#borrowedBytes.shift() ?? 0;
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#afterWrite(this.#socket.write(chunk), done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    // What goes out is acknowledgements of a few bytes each, in pieces of one and two.
    const hasRoom = this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    this.#afterWrite(hasRoom, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#takeBack?.();
    clearTimeout(this.#deadline);
    for (const bytes of this.#borrowedBytes.splice(0)) this.#budget.giveBack(bytes);
    this.#chunk = undefined;
    this.#socket.destroy();
    done(error);
  }

  #afterWrite(hasRoom: boolean, done: () => void): void {
    if (hasRoom || this.#socket.destroyed) done();
    else this.#socket.once("drain", done);
  }

  #pump(): void {
    // Granting and admitting call back from within.
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#isWanted && this.#mayRead() && !this.destroyed) {
      this.#chunk ??= (this.#socket.read() as Buffer | null) ?? undefined;
      if (this.#chunk === undefined) break;
      this.#passOn(this.#chunk);
    }
    this.#isPumping = false;
  }

  #mayRead(): boolean {
    return this.#gate === "connecting" || this.#gate === "open";
  }

  /** Passes on as much of the chunk as may go. */
  #passOn(chunk: Buffer): void {
    const from = this.#at;
    let at = from;
    while (at < chunk.length && this.#mayRead()) {
      const { to, header, isEnd, isMalformed } = this.#scanner.scan(chunk, at);
      at = to;
      if (isMalformed) return this.#refuse("frame-malformed", "an MQTT remaining length of more than four bytes");
      if (header !== undefined && !this.#mayFollow(header)) return;
      if (isEnd) this.#ended();
    }
    if (this.#begunBytes > 0) this.#setDeadline();
    if (at === chunk.length) {
      this.#chunk = undefined;
      this.#at = 0;
    } else {
      this.#at = at;
    }
    if (at > from) this.#isWanted = this.push(chunk.subarray(from, at));
  }

  /** Whether the connection goes on; the gate says whether the packet's bytes may come at once. */
  #mayFollow({ type, bytes }: FrameHeader): boolean {
    const isFirst = this.#gate === "connecting";
    if (isFirst && type !== packetTypes.connect) {
      this.#refuse("not-connect", "the first MQTT packet is not CONNECT");
      return false;
    }
    const bytesMax =
      isFirst || type !== packetTypes.publish ? this.#limits.otherBytesMax : this.#limits.publishBytesMax;
    if (bytes > bytesMax) {
      this.#refuse("frame-too-large", `an MQTT packet of ${bytes} bytes; at most ${bytesMax} are taken`);
      return false;
    }
    if (type === packetTypes.publish) {
      this.#begunBytes = bytes;
      this.#borrow(bytes + MESSAGE_OVERHEAD_BYTES);
    }
    return true;
  }

  #ended(): void {
    if (this.#gate === "connecting") this.#gate = "authenticating";
    this.#begunBytes = 0;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** For a PUBLISH that comes in several pieces. */
  #setDeadline(): void {
    const bytes = this.#begunBytes;
    this.#deadline ??= setTimeout(
      () => this.#refuse("frame-too-slow", `a message of ${bytes} bytes did not arrive in time`),
      PUBLISH_MS + bytes / SLOWEST_BYTES_PER_MS,
    );
  }

  #borrow(bytes: number): void {
    this.#gate = "borrowing";
    const takeBack = this.#budget.borrow(bytes, () => {
      this.#takeBack = undefined;
      this.#borrowedBytes.push(bytes);
      if (this.#gate === "borrowing") this.#gate = "open";
      this.#pump();
    });
    if (!this.#mayRead()) this.#takeBack = takeBack;
  }

  #refuse(code: "frame-malformed" | "frame-too-slow" | "not-connect" | "frame-too-large", message: string): void {
    this.destroy(new Refusal(code, message));
  }
}
