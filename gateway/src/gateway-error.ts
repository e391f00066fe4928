/** Why the gateway does not take a message or a connection. Each code is also a metric's label. */
export type RefusalCode =
  // The connection
  | "frame-too-large"
  | "frame-malformed"
  | "frame-too-slow"
  | "not-connect"
  | "too-many-connections"
  | "idle"
  | "credentials-wrong"
  | "client-id-not-allowed"
  | "verification-busy"
  | "stopping"
  // The message
  | "not-authorized"
  | "not-own-device"
  | "reserved-topic"
  | "unsupported-version"
  | "malformed-status"
  | "spool-full"
  | "session-failed"
  // The disk
  | "disk-full"
  | "disk-failed"
  | "overloaded"
  | "frame-too-large-for-log";

/**
 * A message or connection that is refused on purpose; anything else that is thrown is a bug. MQTT 3.1.1 has no negative
 * acknowledgement, so a refused message ends its connection and the sender keeps what was not acknowledged.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(
    readonly code: RefusalCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
