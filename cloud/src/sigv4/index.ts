import type { Identity } from "./signature-terms.js";
import { EMPTY_BODY_SHA256, type SignatureVerifier } from "./signature-verifier.js";
import type { SignedRequest } from "./signed-request.js";

export type { Identity } from "./signature-terms.js";
export { EMPTY_BODY_SHA256, SignatureVerifier } from "./signature-verifier.js";
export type { SignedRequest } from "./signed-request.js";

/**
 * Verifies a request that has no body, such as a WebSocket upgrade.
 * @throws {CloudError} as {@link SignatureVerifier.check} and {@link SignatureVerifier.verify}.
 */
export function verifyRequest(verifier: SignatureVerifier, request: SignedRequest): Identity {
  return verifier.verify(request, verifier.check(request), EMPTY_BODY_SHA256);
}
