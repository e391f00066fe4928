import { type AwsFailure, failureOfName } from "@headwater/protocol";
import type { EntryResult } from "./upstream.js";

/** What an answer means for the request's entries, by their indexes. */
export interface Judgement {
  readonly accepted: number;
  /** To be sent again. */
  readonly rejected: readonly number[];
  /** Of those, how many may have been taken by an earlier try. */
  readonly forgotten: number;
  /** Never to be taken, with the upstream's words. */
  readonly refused: readonly { readonly index: number; readonly detail: string }[];
  /** How many were rejected, by error code. */
  readonly codes: ReadonlyMap<string, number>;
  /** Why no entry at all was taken, in the upstream's words; undefined where one was, or the upstream is only busy. */
  readonly failure: string | undefined;
  /** An entry went to another shard than the one it was meant for. */
  readonly isElsewhere: boolean;
}

const FORGOTTEN = "ProducerRequestForgottenException";
/** What is wrong with the entry itself; anything else may be better next time. */
const permanent: ReadonlySet<string> = new Set(["ValidationException", "InvalidArgumentException"]);

/** What says nothing against the upstream. */
const busy: ReadonlySet<AwsFailure | undefined> = new Set(["throttled", "forgotten"] as const);

export function judgeAnswer(results: readonly EntryResult[], shardId: string): Judgement {
  const rejected: number[] = [];
  const refused: { index: number; detail: string }[] = [];
  const codes = new Map<string, number>();
  let forgotten = 0;
  let failure: string | undefined;
  let isElsewhere = false;
  for (const [index, result] of results.entries()) {
    if ("shardId" in result) {
      if (result.shardId !== shardId) isElsewhere = true;
      continue;
    }
    codes.set(result.errorCode, (codes.get(result.errorCode) ?? 0) + 1);
    const detail = `${result.errorCode}: ${result.message}`;
    if (!busy.has(failureOfName(result.errorCode))) failure ??= detail;
    if (permanent.has(result.errorCode)) {
      refused.push({ index, detail });
      continue;
    }
    if (result.errorCode === FORGOTTEN) forgotten++;
    rejected.push(index);
  }
  const accepted = results.length - rejected.length - refused.length;
  if (accepted > 0) failure = undefined;
  return { accepted, rejected, forgotten, refused, codes, failure, isElsewhere };
}
