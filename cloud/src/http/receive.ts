import type { IncomingMessage, ServerResponse } from "node:http";
import type { Identity, SignatureVerifier, SignedRequest } from "../sigv4/index.js";
import type { BodyBudget } from "./body-budget.js";
import { announcedBytes, readBody, type RequestBody } from "./request-body.js";
import type { RequestMemory } from "../request-memory.js";
import { expectsContinue } from "./send-answer.js";

const BODY_IDLE_MS = 30_000;
const BODY_TOTAL_MS = 10 * 60_000;

/** A whole request whose signature holds. */
export interface ReceivedRequest {
  /** Undefined where no signature is asked for. */
  readonly identity: Identity | undefined;
  readonly body: RequestBody;
  /** Gives back the body's share of memory; to be called once. */
  readonly release: () => void;
}

export interface ReceiveOptions {
  /** Undefined where any credentials will do. */
  readonly verifier: SignatureVerifier | undefined;
  readonly budget: BodyBudget;
  readonly bodyBytesMax: number;
  /** Where a large body goes. Undefined where it is not known when the last user of its bytes is done. */
  readonly memory?: RequestMemory;
}

/**
 * Checks the signature as far as the headers tell, reads the body and verifies the signature.
 * @throws {CloudError} as {@link SignatureVerifier}, {@link BodyBudget} and {@link readBody} do.
 */
export async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { verifier, budget, bodyBytesMax, memory }: ReceiveOptions,
): Promise<ReceivedRequest> {
  const signed = signedRequest(request);
  const authorization = verifier?.check(signed);
  const release = await budget.take(announcedBytes(request, bodyBytesMax), response);
  try {
    if (expectsContinue(request)) response.writeContinue();
    const limits = { bytesMax: bodyBytesMax, idleMs: BODY_IDLE_MS, totalMs: BODY_TOTAL_MS };
    const body = await readBody(request, limits, memory);
    const identity = authorization && verifier?.verify(signed, authorization, body.sha256);
    return { identity, body, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The request as its signature covers it. */
export function signedRequest({ method = "", url = "", rawHeaders }: IncomingMessage): SignedRequest {
  return { method, target: url, rawHeaders };
}

export function isSignatureFailure(code: string): boolean {
  return /^(authentication|signature|access-key|security-token)-/.test(code);
}
