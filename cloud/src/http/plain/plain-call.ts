import { hash, randomUUID } from "node:crypto";
import type { SignedRequest } from "../../sigv4/index.js";
import type { Call, CallAnswer } from "../call.js";
import { BodyBytes } from "../body-bytes.js";
import { nextExtendedId } from "../extended-id.js";
import type { BodyLimits, RequestBody } from "../gathered-body.js";
import type { RequestMemory } from "../../request-memory.js";
import { wireErrors } from "../wire-errors.js";
import type { ComingBody } from "./coming-body.js";
import type { PlainHead } from "./plain-head.js";

/** The way back to a plain call's client. */
export interface PlainAnswers {
  readonly isGone: boolean;
  /** To be called once. The call is over once the system has taken the answer, or the client has left. */
  send(answer: CallAnswer): void;
  /** Ends the connection, answered or not. */
  cut(): void;
}

/** A call on the short way. */
export class PlainCall implements Call {
  readonly method = "POST";
  readonly httpVersionMajor = 1;
  readonly headers: PlainHead["headers"];
  readonly signed: SignedRequest;
  /** Until it is read: whoever reads it has it then. */
  #body: Buffer | ComingBody | undefined;
  readonly #answers: PlainAnswers;
  readonly #onClose = new Set<() => void>();
  #onTaken: (() => void) | undefined;
  #isAnswered = false;

  /** @param body the bytes, where they came with the head. */
  constructor({ headers, rawHeaders }: PlainHead, body: Buffer | ComingBody, answers: PlainAnswers) {
    this.headers = headers;
    this.signed = { method: "POST", target: "/", rawHeaders, hasLowerCaseNames: true };
    this.#body = body;
    this.#answers = answers;
  }

  get isGone(): boolean {
    return this.#answers.isGone;
  }

  get isBodyRead(): boolean {
    return this.#body === undefined;
  }

  get isAnswered(): boolean {
    return this.#isAnswered || this.isGone;
  }

  once(_: "close", listener: () => void): void {
    this.#onClose.add(listener);
  }

  off(_: "close", listener: () => void): void {
    this.#onClose.delete(listener);
  }

  /** Pages' requests are never plain. */
  allowOrigin(): boolean {
    return false;
  }

  /** Nor are those of who waits to be asked. */
  writeContinue(): void {
    throw new TypeError("nobody waits for it");
  }

  readBody(limits: BodyLimits, memory?: RequestMemory): RequestBody | Promise<RequestBody> {
    const body = this.#body;
    if (body === undefined) throw new TypeError("its body was read before");
    this.#body = undefined;
    if (!Buffer.isBuffer(body)) return body.read(limits, memory);
    // It is here, and the caller has looked at its length.
    return { bytes: new BodyBytes([body]), sha256: hash("sha256", body, "hex") };
  }

  answer(answer: CallAnswer): void {
    this.#isAnswered = true;
    this.#answers.send(answer);
  }

  /** Calls that are answered so are not taken. */
  answerEvents(): void {
    throw new TypeError("the short way sends whole answers only");
  }

  /** Ends a call over which the front failed: with an error, or where it has an answer already, which may be half, with its connection. */
  fail(): void {
    if (this.isAnswered) return this.#answers.cut();
    const { status, type, message } = wireErrors.internal;
    const body = Buffer.from(JSON.stringify({ __type: type, message }));
    const ids = { requestId: randomUUID(), extendedId: nextExtendedId() };
    this.answer({ status, contentType: "application/x-amz-json-1.1", ...ids, body });
  }

  onTaken(listener: () => void): boolean {
    this.#onTaken = listener;
    return true;
  }

  /** To be called once, when it is over. @param isTaken whether the system has taken all of the answer. */
  end(isTaken: boolean): void {
    if (isTaken) this.#onTaken?.();
    for (const listener of this.#onClose) listener();
  }
}
