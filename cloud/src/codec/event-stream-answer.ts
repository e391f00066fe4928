import type { BulkAnswer, Output } from "./wire-codec.js";

/** An answer that goes on for minutes: events one after the other, as they come to be. */
export interface EventStreamAnswer {
  /**
   * To be read once, each when the one before has been taken. Ends when the answer does; throws the CloudError with which it
   * ends, which the client is told as an exception of the stream.
   */
  readonly events: AsyncIterable<AnswerEvent>;
  /** Aborts when the answer is over, though an event may not have been taken yet. */
  readonly over: AbortSignal;
  /** Ends it, because nobody takes it: the client has gone, or has stopped reading. */
  readonly abandon: (cause: "left" | "stalled") => void;
}

export interface AnswerEvent {
  /** The member's name in the service model. */
  readonly type: string;
  /** The same object for all that are sent the same, so that it is written once. */
  readonly content: BulkAnswer;
}

export function isEventStreamAnswer(
  answer: Output | BulkAnswer | EventStreamAnswer | undefined,
): answer is EventStreamAnswer {
  return typeof answer === "object" && answer !== null && "over" in answer && answer.over instanceof AbortSignal;
}
