import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Ack } from "./ack.js";
import { AckParser } from "./ack-parser.js";
import { ANSWER_TIMEOUT_MS, getDataEndpoint, type KinesisVideoOptions, refusal } from "./kinesis-video.js";
import { PutMediaError } from "./put-media-error.js";
import { signPost } from "./sign.js";

export interface PutMediaOptions extends KinesisVideoOptions {
  readonly streamName: string;
  /** What {@link getDataEndpoint} answered; it is asked where this is left out. */
  readonly dataEndpoint?: string;
  /** Whether Clusters' timecodes are since 1970 or since `startTimestampMs`; `ABSOLUTE` where it is left out. */
  readonly fragmentTimecodeType?: "ABSOLUTE" | "RELATIVE";
  /** Milliseconds since 1970; now where it is left out. */
  readonly startTimestampMs?: number;
  /** More of them, signed too; their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Servers that don't know `Expect` answer nothing to it: the body follows then, as other clients do it. */
const CONTINUE_TIMEOUT_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
const REFUSAL_BYTES_MAX = 64 * 1024;

/**
 * Sends media to Kinesis Video and yields its acknowledgements while the body is still on its way, until the body has
 * ended and everything is answered for. Begins when the first acknowledgement is asked for. The body is pulled as fast as
 * the connection takes it; acknowledgements that nobody asks for hold the server up. To end early, abort the signal or
 * leave the loop: the connection is closed, and what was not PERSISTED may be lost or not.
 *
 * @param body Matroska, such as {@link matroskaBody} makes; chunks may be cut anywhere.
 * @throws {PutMediaError} see its codes. What the body throws is thrown on, as is the signal's reason.
 */
export async function* putMedia(
  options: PutMediaOptions,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Ack, void, void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const dataEndpoint = options.dataEndpoint ?? (await getDataEndpoint(options, options.streamName));
  const request = await open(dataEndpoint, options);
  const onAbort = (): void => void request.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  // Aborted while it was being signed.
  if (signal?.aborted) onAbort();
  const upload = new Upload(request, body);
  const timeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
  try {
    const response = await answerOf(request, timeoutMs);
    if (response.statusCode !== 200) {
      const type = response.headers["x-amzn-errortype"];
      const text = await textOf(response, timeoutMs);
      throw refusal("putMedia", response.statusCode ?? 0, typeof type === "string" ? type : null, text);
    }
    upload.start();
    const parser = new AckParser();
    for await (const chunk of response as AsyncIterable<Buffer>) yield* parser.push(chunk);
    if (!upload.isDone) throw new PutMediaError("interrupted", "the answer ended before the body did");
  } catch (error) {
    signal?.throwIfAborted();
    if (upload.failure !== undefined) throw upload.failure.reason;
    if (error instanceof PutMediaError) throw error;
    const code = upload.hasBegun ? "interrupted" : "unreachable";
    throw new PutMediaError(code, `putMedia: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    signal?.removeEventListener("abort", onAbort);
    request.destroy();
    upload.stop();
  }
}

/** Sends the request's headers. */
async function open(dataEndpoint: string, options: PutMediaOptions): Promise<ClientRequest> {
  const { streamName, fragmentTimecodeType = "ABSOLUTE", startTimestampMs = Date.now() } = options;
  const url = new URL(`${dataEndpoint.replace(/\/$/, "")}/putMedia`);
  const headers = await signPost(
    url,
    {
      "content-type": "application/json",
      "x-amzn-stream-name": streamName,
      "x-amzn-fragment-timecode-type": fragmentTimecodeType,
      "x-amzn-producer-start-timestamp": (startTimestampMs / 1000).toFixed(3),
      "x-amzn-fragment-acknowledgment-required": "1",
      ...options.headers,
    },
    undefined,
    options,
  );
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const request = send(url, {
    method: "POST",
    agent: false,
    headers: { ...headers, "transfer-encoding": "chunked", expect: "100-continue" },
  });
  request.setNoDelay(true);
  request.setSocketKeepAlive(true, KEEP_ALIVE_MS);
  request.flushHeaders();
  return request;
}

/** Waits for the answer's headers, and keeps the request's later errors from being nobody's. */
function answerOf(request: ClientRequest, timeoutMs: number): Promise<IncomingMessage> {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const timer = setTimeout(
      () => request.destroy(new PutMediaError("unreachable", `putMedia: no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    request.on("response", resolve);
    request.on("error", reject);
    request.on("close", () => reject(new Error("the connection closed")));
    for (const event of ["response", "close"]) request.on(event, () => clearTimeout(timer));
  });
}

/** What a refusal says, as far as it comes in time: its status says the most. */
async function textOf(response: IncomingMessage, withinMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => response.destroy(), withinMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > REFUSAL_BYTES_MAX) break;
      chunks.push(chunk);
    }
  } catch {
    // It broke off.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The body's way into the request, beside the acknowledgements'. */
class Upload {
  readonly #request: ClientRequest;
  readonly #body: AsyncIterator<Uint8Array>;
  readonly #timer: NodeJS.Timeout;
  #state: "waiting" | "running" | "done" | "stopped" = "waiting";
  /** Something waits for room, or for the connection's end. */
  #wake: (() => void) | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(request: ClientRequest, body: AsyncIterable<Uint8Array>) {
    this.#request = request;
    this.#body = body[Symbol.asyncIterator]();
    request.on("continue", () => this.start());
    for (const event of ["drain", "close"]) request.on(event, () => this.#wake?.());
    this.#timer = setTimeout(() => this.start(), CONTINUE_TIMEOUT_MS);
  }

  /** Everything is handed to the connection. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  get hasBegun(): boolean {
    return this.#state !== "waiting";
  }

  /** What the body failed with. */
  get failure(): { readonly reason: unknown } | undefined {
    return this.#failure;
  }

  /** The server wants the body, or says nothing against it. */
  start(): void {
    if (this.#state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#state = "running";
    this.#run().catch((reason: unknown) => {
      this.#failure = { reason };
      this.#request.destroy();
    });
  }

  /** Pulls no more of the body, and tells it. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#state === "done") return;
    this.#state = "stopped";
    this.#wake?.();
    // A body that waits for its own source ends when that gives something; nobody waits for it here.
    void Promise.resolve(this.#body.return?.()).catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (this.#isOpen()) {
      const next = await this.#body.next();
      if (!this.#isOpen()) return;
      if (next.done) {
        this.#state = "done";
        this.#request.end();
        return;
      }
      if (this.#request.write(next.value)) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#request.destroyed) resolve();
      });
    }
  }

  #isOpen(): boolean {
    return this.#state === "running" && !this.#request.destroyed;
  }
}
