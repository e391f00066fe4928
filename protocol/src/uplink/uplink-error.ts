export type UplinkErrorCode =
  | "malformed-envelope"
  | "unsupported-version"
  | "corrupt-envelope"
  | "malformed-record"
  | "malformed-piece"
  | "field-too-long";

/** What is wrong with bytes that claim to be an uplink message. Never retriable: the same bytes fail again. */
export class UplinkError extends Error {
  override readonly name = "UplinkError";
  constructor(
    readonly code: UplinkErrorCode,
    message: string,
  ) {
    super(message);
  }
}
