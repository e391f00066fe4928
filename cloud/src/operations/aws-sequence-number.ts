/** What a sequence number that AWS gave says of itself. */
export interface AwsSequenceNumber {
  readonly shardNumber: number;
  /** Milliseconds since 1970, to the second: when its record came; undefined in the oldest form. */
  readonly timeMs: number | undefined;
}

/** Of numbers in the oldest form, which are told without it where it is all that stands in front. */
const OLDEST_START = 2n ** 124n;
const OLDEST_END = 2n ** 129n;
/** Of numbers in the two newer forms, which their last hexadecimal digit tells apart. */
const NEWER_START = 2n ** 185n;
const NEWER_END = 2n ** 185n + 2n ** 184n;
/** AWS takes no shard for younger than that: the end of the year 2477. */
const CREATED_SECONDS_END = 16_025_175_000;
const SHARD_NUMBER_END = 2 ** 31;

/**
 * Reads a sequence number of AWS's, of which ours are none. Source: answers of AWS, as public test suites recorded them.
 * @param text decimal digits.
 * @returns undefined where AWS could not have given it.
 */
export function readAwsSequenceNumber(text: string): AwsSequenceNumber | undefined {
  const given = BigInt(text);
  const value = given < OLDEST_START ? given + OLDEST_START : given;
  const hex = value.toString(16);
  const part = (from: number, to: number): number => Number.parseInt(hex.slice(from, to), 16);
  if (part(1, 10) >= CREATED_SECONDS_END) return undefined;
  if (value < OLDEST_END) return { shardNumber: part(28, 32), timeMs: undefined };
  if (value <= NEWER_START || value >= NEWER_END) return undefined;
  const shardNumber = part(38, 46) % SHARD_NUMBER_END;
  if (hex.endsWith("1")) return { shardNumber, timeMs: part(13, 22) * 1000 };
  const isIndexValid = part(11, 12) < 8;
  return hex.endsWith("2") && isIndexValid ? { shardNumber, timeMs: part(29, 38) * 1000 } : undefined;
}
