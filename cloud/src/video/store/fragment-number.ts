/*
 * A fragment number has 47 digits: 14 of the stream's own, then the position of the fragment's first frame in the media
 * shard. Both rise, so numbers rise with the order in which fragments began to arrive, in a stream made anew under an
 * old name as well.
 */
const positionDigits = 33;

/** The stream's digits: a 9, so that there are no leading zeros, and its creation in 13 digits. */
export function numberPrefix(createdMs: number): string {
  return `9${String(createdMs).padStart(13, "0")}`;
}

export function fragmentNumber(prefix: string, begin: number): string {
  return prefix + String(begin).padStart(positionDigits, "0");
}

/**
 * The position that a fragment number of up to 128 digits means in this stream. Numbers of other streams come before or
 * after all of its own: -1 or infinity.
 */
export function positionOf(prefix: string, number: string): number {
  const value = BigInt(number);
  const base = BigInt(fragmentNumber(prefix, 0));
  if (value < base) return -1;
  const position = value - base;
  return position > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(position);
}
