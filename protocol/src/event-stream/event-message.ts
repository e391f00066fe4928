/**
 * A message of `application/vnd.amazon.eventstream`. All numbers are big endian:
 *
 *     total bytes (4) | header bytes (4) | CRC-32 of these 8 (4) | headers | payload | CRC-32 of all before (4)
 *
 * and each header is: name bytes (1) | name (UTF-8) | type (1) | value.
 * @see Amazon event stream specification, as in the Smithy documentation
 */
export interface EventMessage {
  readonly headers: ReadonlyMap<string, HeaderValue>;
  readonly payload: Uint8Array;
}

/** A header's value, with the type that it has on the wire. */
export type HeaderValue =
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "byte" | "short" | "integer"; readonly value: number }
  | { readonly type: "long"; readonly value: bigint }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "string"; readonly value: string }
  /** Milliseconds since 1970. */
  | { readonly type: "timestamp"; readonly value: bigint }
  /** Lower case, with hyphens. */
  | { readonly type: "uuid"; readonly value: string };

/** The byte that stands for each type of value on the wire; a boolean is in its type. */
export const wireTypes = {
  true: 0,
  false: 1,
  byte: 2,
  short: 3,
  integer: 4,
  long: 5,
  bytes: 6,
  string: 7,
  timestamp: 8,
  uuid: 9,
} as const;

/** Before the headers. */
export const PRELUDE_BYTES = 12;
export const CHECKSUM_BYTES = 4;
/** What AWS's clients take at most. Source: botocore and the AWS Common Runtime. */
export const eventMessageLimits = { headersBytesMax: 128 * 1024, payloadBytesMax: 16 * 1024 * 1024 } as const;

/** The text of a header; undefined where there is none, or it is no text. */
export function headerText({ headers }: EventMessage, name: string): string | undefined {
  const header = headers.get(name);
  return header?.type === "string" ? header.value : undefined;
}
