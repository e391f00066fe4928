/** Positions of a camera's archive: from, inclusive, to, exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * What of an archive the gateway has not acknowledged, as it is stored: the live lane's rest, from `liveFrom` to the end
 * but for what is in `backfill`. See docs/reference/device.md.
 */
export interface UploadMarks {
  readonly version: 1;
  readonly liveFrom: number;
  /** No fragment that begins here or later was sent in the live lane. */
  readonly liveReservedTo: number;
  /** Oldest first, apart from each other; they go in the backfill lane. */
  readonly backfill: readonly Range[];
}

export function encodeUploadMarks(marks: UploadMarks): Buffer {
  return Buffer.from(JSON.stringify(marks));
}

/** Reads stored marks; `undefined` where they make no sense, so that all that is kept counts as not sent. */
export function decodeUploadMarks(bytes: Uint8Array): UploadMarks | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  return isUploadMarks(parsed) ? parsed : undefined;
}

function isUploadMarks(value: unknown): value is UploadMarks {
  if (typeof value !== "object" || value === null) return false;
  const marks: Partial<Record<keyof UploadMarks, unknown>> = value;
  return (
    marks.version === 1 &&
    isPosition(marks.liveFrom) &&
    isPosition(marks.liveReservedTo) &&
    Array.isArray(marks.backfill) &&
    marks.backfill.every(isRange)
  );
}

function isRange(value: unknown): value is Range {
  if (typeof value !== "object" || value === null) return false;
  const { from, to }: Partial<Record<keyof Range, unknown>> = value;
  return isPosition(from) && isPosition(to) && from < to;
}

function isPosition(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
