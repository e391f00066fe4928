import { CloudError } from "../cloud-error.js";
import type { WireCodec } from "../codec/wire-codec.js";
import { unreadable } from "../codec/malformed.js";
import { hasNoBody } from "./answer-form.js";
import type { BodyBudget } from "./body-budget.js";
import type { Call } from "./call.js";
import { isSignatureFailure } from "./receive.js";
import { expectsContinue } from "./send-answer.js";

/** A larger body is not looked at: nobody knows yet who sent it. */
const BODY_BYTES_MAX = 64 << 10;
const BODY_MS_MAX = 10_000;

/**
 * What a request is refused for. AWS reads the body before it looks at the operation and asks who sent it, so a body that
 * nobody can read is told first. Ours asks first; where that ends in a refusal, it looks at a small body after all.
 * @param refusal what our order came to.
 */
export async function firstRefusal(
  refusal: CloudError,
  { call, codec, budget }: { readonly call: Call; readonly codec: WireCodec; readonly budget: BodyBudget },
): Promise<CloudError> {
  if (refusal.code !== "operation-unknown" && !isSignatureFailure(refusal.code)) return refusal;
  if (hasNoBody(call)) return refusal.code === "operation-unknown" ? refusal : unreadable(refusal);
  const bytes = Number(call.headers["content-length"]);
  if (!(bytes <= BODY_BYTES_MAX) || call.isBodyRead || expectsContinue(call)) return refusal;
  let release: (() => void) | undefined;
  try {
    release = await budget.take(bytes, call);
    const limits = { bytesMax: BODY_BYTES_MAX, idleMs: BODY_MS_MAX, totalMs: BODY_MS_MAX };
    const body = await call.readBody(limits);
    codec.decode(body.bytes.whole());
    return refusal;
  } catch (error) {
    return error instanceof CloudError && error.code === "body-malformed" ? error : refusal;
  } finally {
    release?.();
  }
}
