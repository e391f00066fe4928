import type { IncomingMessage, ServerResponse } from "node:http";
import { cutOff } from "../../http/listener.js";
import { expectsContinue } from "../../http/send-answer.js";
import type { VideoStream } from "../video-stream.js";
import type { VideoTraffic } from "../video-traffic.js";
import { type Acknowledgement, encodeAcknowledgement } from "./acknowledgement.js";
import type { ArrivingBytes } from "./arriving-bytes.js";
import type { PutMediaParameters } from "./put-media-parameters.js";
import { PutMediaFault } from "./put-media-fault.js";
import { PutMediaSession } from "./put-media-session.js";

/** Silence of a producer after which its connection is taken for dead. */
const SILENCE_MAX_MS = 5 * 60_000;
/** How often a producer hears of us while there is nothing to acknowledge. */
const IDLE_EVERY_MS = 10_000;
/** A producer that does not read its acknowledgements. */
const UNREAD_BYTES_MAX = 256 * 1024;
/** How long a producer may go on sending after an error before its connection is cut. */
const LINGER_MS = 2_000;

export interface PutMediaCallOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly stream: VideoStream;
  readonly parameters: PutMediaParameters;
  readonly traffic: VideoTraffic;
  readonly arriving: ArrivingBytes;
}

/**
 * A PutMedia call over HTTP: answered at once, acknowledged while its body is still coming. Its connection is always closed
 * at the end of a failed call: a producer that is left open never notices.
 */
export class PutMediaCall {
  readonly #options: PutMediaCallOptions;
  readonly #session: PutMediaSession;
  readonly #leave: () => void;
  readonly #timer: NodeJS.Timeout;
  #lastByteMs = performance.now();
  #lastAckMs = performance.now();
  #isOver = false;

  /** @throws {VideoError} `connections-exceeded`. */
  constructor(options: PutMediaCallOptions) {
    this.#options = options;
    const { stream, parameters, traffic, arriving } = options;
    this.#leave = stream.producers.enter(this);
    this.#session = new PutMediaSession({
      store: stream.store,
      numberPrefix: stream.numberPrefix,
      timeBaseMs: parameters.timeBaseMs,
      isBackfill: parameters.isBackfill,
      traffic,
      arriving,
      acknowledge: (ack) => this.#acknowledge(ack),
      onFault: (fault) => this.#onFault(fault),
    });
    this.#timer = setInterval(() => this.#tick(), IDLE_EVERY_MS / 2);
  }

  /** How long nothing has come. */
  get silenceMs(): number {
    return performance.now() - this.#lastByteMs;
  }

  /** Answers, and reads the body to its end. */
  run(): void {
    const { request, response, requestId } = this.#options;
    if (expectsContinue(request)) response.writeContinue();
    response.writeHead(200, { "content-type": "application/json", "x-amzn-requestid": requestId });
    response.flushHeaders();
    request.on("data", (chunk: Buffer) => this.#onData(chunk));
    request.on("end", () => void this.#onEnd());
    request.on("error", () => this.cut());
    response.on("close", () => this.cut());
    response.on("error", () => this.cut());
  }

  /** Drops the connection at once; what is complete still gets stored. */
  cut(): void {
    this.#close();
    this.#session.abort();
    this.#options.response.destroy();
  }

  /** Ends the call with an error that the producer hears. */
  fail(fault: PutMediaFault): void {
    this.#session.fail(fault);
  }

  #onData(chunk: Buffer): void {
    this.#lastByteMs = performance.now();
    if (this.#isOver) return; // what still comes after an error is thrown away
    const wait = this.#session.take(chunk);
    if (wait === undefined) return;
    const { request } = this.#options;
    request.pause();
    void wait.then(() => request.resume());
  }

  async #onEnd(): Promise<void> {
    if (this.#isOver) return;
    await this.#session.end();
    if (this.#isOver) return;
    this.#close();
    this.#options.response.end();
  }

  #acknowledge(ack: Acknowledgement): void {
    const { response, parameters } = this.#options;
    if (this.#isOver || !parameters.wantsAcknowledgements) return;
    this.#lastAckMs = performance.now();
    response.write(encodeAcknowledgement(ack));
    if (response.writableLength > UNREAD_BYTES_MAX) this.cut();
  }

  #onFault(fault: PutMediaFault): void {
    const { request, response, traffic } = this.#options;
    traffic.fault(fault.code);
    this.#close();
    response.shouldKeepAlive = false;
    request.resume();
    // Ending the answer makes Node close the connection, and what the producer has not read is lost with it; so it gets
    // a moment to read the error and to stop.
    const linger = setTimeout(() => {
      response.end();
      cutOff(request);
    }, LINGER_MS).unref();
    const ended = (): void => {
      clearTimeout(linger);
      response.end();
    };
    if (request.complete) ended();
    else request.once("end", ended).once("close", () => clearTimeout(linger));
  }

  #tick(): void {
    if (this.silenceMs > SILENCE_MAX_MS) {
      this.#session.fail(new PutMediaFault("STREAM_READ_ERROR", `nothing came for ${SILENCE_MAX_MS} ms`));
    } else if (performance.now() - this.#lastAckMs >= IDLE_EVERY_MS) this.#acknowledge({ event: "IDLE" });
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#leave();
  }
}
