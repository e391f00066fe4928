import type { BodyLimits, RequestBody } from "./gathered-body.js";
import type { RequestMemory } from "../request-memory.js";
import type { SignedRequest } from "../sigv4/index.js";
import type { EventStreamAnswer } from "../codec/event-stream-answer.js";
import type { WireCodec } from "../codec/wire-codec.js";
import type { CloudError } from "../cloud-error.js";
import type { Body } from "./send-answer.js";

/** The headers that say what a request means; all others count for its signature only. Node's headers are such. */
export interface CallHeaders {
  readonly "content-type"?: string | undefined;
  readonly "content-length"?: string | undefined;
  readonly "transfer-encoding"?: string | undefined;
  readonly "x-amz-target"?: string | string[] | undefined;
  readonly "x-headwater-producer"?: string | string[] | undefined;
  readonly expect?: string | undefined;
}

/** As much of a request as comes before its body. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly headers: CallHeaders;
  readonly httpVersionMajor: number;
}

/** Which an answer of AWS bears, both. */
export interface AnswerIds {
  readonly requestId: string;
  readonly extendedId: string;
}

export interface CallAnswer extends AnswerIds {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Body;
}

/** An answer that goes on by itself. */
export interface CallEvents extends AnswerIds {
  readonly codec: WireCodec;
  readonly answer: EventStreamAnswer;
  /** Told of an error with which it ends. */
  readonly report: (error: CloudError) => void;
}

/** Tells when nobody waits for an answer any more: it was sent, or its client has left. */
export interface Closing {
  once(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
}

/**
 * What the AWS front needs of a request and of the way back to its client, whatever carries them: Node's objects of
 * either protocol (`node-call.ts`), or the short way (`plain/plain-call.ts`).
 */
export interface Call extends RequestHead, Closing {
  /** The request as its signature covers it. */
  readonly signed: SignedRequest;
  /** Whether the client has reset the request, or left. */
  readonly isGone: boolean;
  /** Whether somebody has begun to read the body. */
  readonly isBodyRead: boolean;
  /** Whether an answer has begun. */
  readonly isAnswered: boolean;
  /** Whether it only asked what pages of other origins may do, and has been answered. Others' answers will say so, too. */
  allowOrigin(requestId: string): boolean;
  /** Lets a client that waits for it send the body. */
  writeContinue(): void;
  /**
   * @param memory where a large body goes; without it, into a buffer of its own.
   * @throws {CloudError} as {@link readBody}.
   */
  readBody(limits: BodyLimits, memory?: RequestMemory): RequestBody | Promise<RequestBody>;
  /** To be called once, whether or not the body has come. */
  answer(answer: CallAnswer): void;
  /** Answers event by event, as the client takes them. */
  answerEvents(events: CallEvents): void;
  /**
   * Calls the listener once the system has taken the answer.
   * @returns whether that can be seen; else the listener is never called.
   */
  onTaken(listener: () => void): boolean;
}
