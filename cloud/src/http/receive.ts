import type { IncomingMessage, ServerResponse } from "node:http";
import type { Identity, SignatureVerifier } from "../sigv4/index.js";
import type { RequestMemory } from "../request-memory.js";
import type { BodyBudget } from "./body-budget.js";
import type { Call } from "./call.js";
import { nodeCall } from "./http2-call.js";
import type { RequestBody } from "./gathered-body.js";
import { announcedBytes } from "./request-body.js";
import { expectsContinue } from "./send-answer.js";

const BODY_IDLE_MS = 30_000;
const BODY_TOTAL_MS = 10 * 60_000;

/** A whole request whose signature holds. */
export interface ReceivedRequest {
  /** Undefined where no signature is asked for. */
  readonly identity: Identity | undefined;
  readonly body: RequestBody;
  /** Gives back the share of memory; to be called once. */
  readonly release: () => void;
}

export interface ReceiveOptions {
  /** Undefined where any credentials will do. */
  readonly verifier: SignatureVerifier | undefined;
  readonly budget: BodyBudget;
  readonly bodyBytesMax: number;
  /** What answering takes beside the body. It is taken with that, since who holds some and waits for more may wait for his like. */
  readonly workBytes?: number;
  /** Where goes what is copied of the body. Undefined where it is not known when the last user of its bytes is done. */
  readonly memory?: RequestMemory;
}

/**
 * Checks the signature as far as the headers tell, reads the body and verifies the signature. Answers at once where there
 * is nothing to wait for.
 * @throws {CloudError} as {@link SignatureVerifier}, {@link BodyBudget} and {@link Call.readBody} do.
 */
export function receiveCall(call: Call, options: ReceiveOptions): ReceivedRequest | Promise<ReceivedRequest> {
  const { verifier, budget, bodyBytesMax, workBytes = 0 } = options;
  const { signed } = call;
  const authorization = verifier?.check(signed);
  const verify: Verify = (sha256) => authorization && verifier?.verify(signed, authorization, sha256);
  const bytes = announcedBytes(call, bodyBytesMax) + workBytes;
  const release = budget.takeNow(bytes);
  if (release === undefined) return budget.take(bytes, call).then((taken) => read(call, options, verify, taken));
  return read(call, options, verify, release);
}

/** The same of Node's request and response. */
export function receive(
  request: IncomingMessage,
  response: ServerResponse,
  options: ReceiveOptions,
): ReceivedRequest | Promise<ReceivedRequest> {
  return receiveCall(nodeCall(request, response), options);
}

type Verify = (bodySha256: string) => Identity | undefined;

/** Reads the body and verifies it, now that there is room for it. */
function read(
  call: Call,
  { bodyBytesMax, memory }: ReceiveOptions,
  verify: Verify,
  release: () => void,
): ReceivedRequest | Promise<ReceivedRequest> {
  try {
    if (expectsContinue(call)) call.writeContinue();
    const limits = { bytesMax: bodyBytesMax, idleMs: BODY_IDLE_MS, totalMs: BODY_TOTAL_MS };
    const body = call.readBody(limits, memory);
    if (body instanceof Promise) return verifyLater(body, verify, release);
    return { identity: verify(body.sha256), body, release };
  } catch (error) {
    release();
    throw error;
  }
}

async function verifyLater(
  coming: Promise<RequestBody>,
  verify: Verify,
  release: () => void,
): Promise<ReceivedRequest> {
  try {
    const body = await coming;
    return { identity: verify(body.sha256), body, release };
  } catch (error) {
    release();
    throw error;
  }
}

export function isSignatureFailure(code: string): boolean {
  return /^(authentication|signature|access-key|security-token)-/.test(code);
}
