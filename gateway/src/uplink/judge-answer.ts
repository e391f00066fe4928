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
  /** An entry went to another shard than the one it was meant for. */
  readonly isElsewhere: boolean;
}

const FORGOTTEN = "ProducerRequestForgottenException";
/** What is wrong with the entry itself; anything else may be better next time. */
const permanent: ReadonlySet<string> = new Set(["ValidationException", "InvalidArgumentException"]);

export function judgeAnswer(results: readonly EntryResult[], shardId: string): Judgement {
  const rejected: number[] = [];
  const refused: { index: number; detail: string }[] = [];
  const codes = new Map<string, number>();
  let forgotten = 0;
  let isElsewhere = false;
  for (const [index, result] of results.entries()) {
    if ("shardId" in result) {
      if (result.shardId !== shardId) isElsewhere = true;
      continue;
    }
    codes.set(result.errorCode, (codes.get(result.errorCode) ?? 0) + 1);
    if (permanent.has(result.errorCode)) {
      refused.push({ index, detail: `${result.errorCode}: ${result.message}` });
      continue;
    }
    if (result.errorCode === FORGOTTEN) forgotten++;
    rejected.push(index);
  }
  const accepted = results.length - rejected.length - refused.length;
  return { accepted, rejected, forgotten, refused, codes, isElsewhere };
}
