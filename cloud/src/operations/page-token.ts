import { CloudError } from "../cloud-error.js";
import type { TokenSealer } from "../streams/sealed-token.js";

/** A next token holds for so long. Source: API reference, ListShards. */
const LIFE_MS = 300_000;

export function sealPage(
  sealer: TokenSealer,
  purpose: string,
  fields: readonly (string | number)[],
  nowMs: number,
): string {
  return sealer.seal(purpose, [nowMs, ...fields]);
}

/**
 * What a next token says; made by {@link sealPage} for the same purpose.
 * @throws {CloudError} `argument-invalid`, `next-token-expired`.
 */
export function openPage(sealer: TokenSealer, purpose: string, token: string, nowMs: number): readonly unknown[] {
  const fields = sealer.open(purpose, token);
  if (fields === undefined) throw new CloudError("argument-invalid", "Invalid NextToken.");
  const [sealedMs, ...rest] = fields;
  if (nowMs - Number(sealedMs) > LIFE_MS) throw new CloudError("next-token-expired", "The NextToken has expired.");
  return rest;
}
