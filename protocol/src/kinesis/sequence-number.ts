/**
 * A record's place in its shard, as Kinesis clients see it: 56 decimal digits that compare as strings.
 *
 *     49 | shard epoch (10) | position (20) | index (5) | zeros (19)
 *
 * The position is the shard's append number, never a byte offset, so repair, tiering, export and a change of
 * engine keep it. A reshard raises the epoch, so every child's number is greater than its parents'.
 * See docs/design/sequence-numbers.md.
 */
export interface SequenceNumber {
  /** 0 to 9,999,999,999. */
  readonly shardEpoch: number;
  /** 0 to 2^53 - 1: the append number within the shard. */
  readonly position: number;
  /** 0 to 99,999: the record within a stored message (0 where a message holds one record). */
  readonly index: number;
}

const PREFIX = "49";
const INDEX_ZEROS = "0".repeat(5);
const TAIL_ZEROS = "0".repeat(19);
const SHAPE = /^49(\d{10})(\d{20})(\d{5})0{19}$/;

/** Writes a sequence number's 56 digits. */
export function formatSequenceNumber({ shardEpoch, position, index }: SequenceNumber): string {
  const indexDigits = index === 0 ? INDEX_ZEROS : index.toString().padStart(5, "0");
  return (
    PREFIX + shardEpoch.toString().padStart(10, "0") + position.toString().padStart(20, "0") + indexDigits + TAIL_ZEROS
  );
}

/** Writes the numbers of one shard's records, of index 0; quicker than {@link formatSequenceNumber} one by one. */
export function sequenceNumbersOf(shardEpoch: number): (position: number) => string {
  const start = `${PREFIX}${shardEpoch.toString().padStart(10, "0")}${"0".repeat(20)}`;
  const end = INDEX_ZEROS + TAIL_ZEROS;
  return (position) => {
    const digits = String(position);
    return start.slice(0, start.length - digits.length) + digits + end;
  };
}

/** Reads a sequence number, or answers undefined where the text is none that this service could have written. */
export function parseSequenceNumber(text: string): SequenceNumber | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const position = Number(match[2]);
  if (!Number.isSafeInteger(position)) return undefined;
  return { shardEpoch: Number(match[1]), position, index: Number(match[3]) };
}

const CONTINUATION = /^\d{32}9{24}$/;

/**
 * Writes the number of the place before a record, there or to come: the record's own number less one. No record has it,
 * and it is greater than every earlier record's, so reading at it and reading after it both begin with that record.
 */
export function formatContinuationNumber({ shardEpoch, position }: Omit<SequenceNumber, "index">): string {
  return String(BigInt(formatSequenceNumber({ shardEpoch, position, index: 0 })) - 1n);
}

/** The record before which the number's place is, or undefined where the text is no continuation number. */
export function parseContinuationNumber(text: string): SequenceNumber | undefined {
  return CONTINUATION.test(text) ? parseSequenceNumber(String(BigInt(text) + 1n)) : undefined;
}
