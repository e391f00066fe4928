import type { IncomingMessage, ServerResponse } from "node:http";
import { type EventMessageWriter, eventMessageWriter, type HeaderValue } from "@headwater/protocol/event-stream";
import type { CloudError } from "../cloud-error.js";
import type { EventStreamAnswer } from "../codec/event-stream-answer.js";
import type { BulkAnswer, WireCodec } from "../codec/wire-codec.js";
import { isGone } from "./listener.js";
import { toCloudError, wireError } from "./wire-errors.js";

export const EVENT_STREAM_TYPE = "application/vnd.amazon.eventstream";

/** How long a client may take nothing before it is cut. */
const STALL_MS_MAX = 60_000;
/** How long a client may take over what is left when the answer has ended. */
const FLUSH_MS_MAX = 10_000;

export interface EventStreamSending {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly codec: WireCodec;
  readonly answer: EventStreamAnswer;
  /** Beside the content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told of an error with which the stream ends. */
  readonly report: (error: CloudError) => void;
}

/**
 * Answers 200 and sends events as the client takes them: one at a time, so that memory holds one. Resolves when the client
 * has them all, or has gone, or was cut because it took nothing.
 */
export async function sendEventStream({
  request,
  response,
  codec,
  answer,
  headers,
  report,
}: EventStreamSending): Promise<void> {
  const left = (): void => answer.abandon("left");
  response.once("close", left);
  response.on("error", left);
  if (isGone(request, response)) left();
  try {
    response.writeHead(200, { ...headers, "content-type": EVENT_STREAM_TYPE });
    // What AWS's clients wait for before they give the stream to their caller.
    response.write(message("event", "initial-response", codec, [codec.encode({})]));
    for await (const { type, content } of answer.events) {
      const isTaken = response.write(eventOf(type, content, codec));
      if (isTaken || (await drained(response, answer.over))) continue;
      answer.abandon("stalled");
      // Not the request: that has come whole, and destroying it would leave the connection open.
      response.destroy();
    }
  } catch (thrown) {
    const error = toCloudError(thrown);
    report(error);
    if (!isGone(request, response)) response.write(exception(error, codec));
  }
  await end(response);
}

/** Whether the client took what it was sent; also true where the answer is over anyhow. */
function drained(response: ServerResponse, over: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isTaken: boolean): void => {
      clearTimeout(timer);
      response.off("drain", taken);
      over.removeEventListener("abort", taken);
      resolve(isTaken);
    };
    const taken = (): void => settle(true);
    const timer = setTimeout(() => settle(false), STALL_MS_MAX);
    response.once("drain", taken);
    over.addEventListener("abort", taken);
    if (over.aborted) taken();
  });
}

/** Resolves when the client has read to the end, or has gone; cuts it where it does not read on. */
function end(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), FLUSH_MS_MAX).unref();
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    response.once("close", done);
    response.end();
    if (response.destroyed) done();
  });
}

/** What was written of a content last: whoever else is sent it gets the same bytes. */
const written = new WeakMap<BulkAnswer, { readonly codec: WireCodec; readonly bytes: Buffer }>();

function eventOf(type: string, content: BulkAnswer, codec: WireCodec): Buffer {
  const known = written.get(content);
  if (known?.codec === codec) return known.bytes;
  const bytes = message("event", type, codec, codec.encodeBulk(content));
  written.set(content, { codec, bytes });
  return bytes;
}

function exception(error: CloudError, codec: WireCodec): Buffer {
  const { type, message: text } = wireError(error);
  // The service model has this name for it inside of streams, and no other.
  const name = type === "InternalFailure" ? "InternalFailureException" : type;
  return message("exception", name, codec, [codec.encode({ message: text })]);
}

/** By kind and type, which are few: the headers of all such messages are the same. */
const writers = new WeakMap<WireCodec, Map<string, EventMessageWriter>>();

function message(kind: "event" | "exception", type: string, codec: WireCodec, payload: readonly Uint8Array[]): Buffer {
  let ofCodec = writers.get(codec);
  if (ofCodec === undefined) writers.set(codec, (ofCodec = new Map<string, EventMessageWriter>()));
  const key = `${kind} ${type}`;
  let write = ofCodec.get(key);
  if (write === undefined) ofCodec.set(key, (write = writerOf(kind, type, codec)));
  return write(payload);
}

function writerOf(kind: "event" | "exception", type: string, codec: WireCodec): EventMessageWriter {
  return eventMessageWriter(
    new Map<string, HeaderValue>([
      [`:${kind}-type`, { type: "string", value: type }],
      [":content-type", { type: "string", value: codec.contentType }],
      [":message-type", { type: "string", value: kind }],
    ]),
  );
}
