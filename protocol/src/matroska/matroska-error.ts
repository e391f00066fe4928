/**
 * What is wrong with bytes that claim to be Matroska. docs/reference/matroska.md says what each means to PutMedia.
 *
 * - `not-matroska`: no EBML header where one must be, or one of another document type or of a later version.
 * - `malformed`: a length, number, block or tag that cannot be; an element that runs past the one around it.
 * - `misplaced`: a known element where it may not be, missing before one that needs it, or repeated with other content.
 * - `unsupported`: compressed or encrypted frames.
 * - `truncated`: the input ended inside an element.
 * - `header-too-large`, `cluster-too-large`, `too-many-tracks`, `too-many-tags`, `tag-too-large`: over the reader's limits.
 * - `unknown-track`: a block of a track that Tracks does not have.
 */
export type MatroskaErrorCode =
  | "not-matroska"
  | "malformed"
  | "misplaced"
  | "unsupported"
  | "truncated"
  | "header-too-large"
  | "cluster-too-large"
  | "too-many-tracks"
  | "too-many-tags"
  | "tag-too-large"
  | "unknown-track";

/** Never retriable: the same bytes fail again. */
export class MatroskaError extends Error {
  override readonly name = "MatroskaError";
  constructor(
    readonly code: MatroskaErrorCode,
    message: string,
    /** Bytes from the start of the input to the element in question. */
    readonly offset: number,
  ) {
    super(`${message} (at byte ${offset})`);
  }
}
