/** Of records in answers that are being written or sent, all connections together. */
const ANSWERS_BYTES_MAX = 24 << 20;
/** What an answer may have where little is left: five such calls a second are more than a shard serves. */
const ANSWER_BYTES_MIN = 1 << 20;
/** What it may have once as much again is under way: by thousands whose clients take their time, or nothing at all. */
const CROWDED_ANSWER_BYTES = 64 << 10;

/** Some bytes that an answer may have, until they are given back. */
export interface AnswerShare {
  readonly bytes: number;
  readonly giveBack: () => void;
}

/**
 * Bounds the memory of large answers. Nobody waits: each gets half of what is left, so that the fewer are under way the longer they may
 * be, and whoever takes his time over an answer costs the others the length of theirs.
 */
export class AnswerShares {
  readonly #answerBytesMax: number;
  #left = ANSWERS_BYTES_MAX;

  /** @param answerBytesMax no answer is to have more. */
  constructor(answerBytesMax: number) {
    this.#answerBytesMax = answerBytesMax;
  }

  take(): AnswerShare {
    const least = this.#left > -ANSWERS_BYTES_MAX ? ANSWER_BYTES_MIN : CROWDED_ANSWER_BYTES;
    const bytes = Math.min(this.#answerBytesMax, Math.max(least, Math.floor(this.#left / 2)));
    this.#left -= bytes;
    let isTaken = true;
    const giveBack = (): void => {
      if (isTaken) this.#left += bytes;
      isTaken = false;
    };
    return { bytes, giveBack };
  }
}
