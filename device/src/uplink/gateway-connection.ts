/** A connection to a gateway, as the uplink needs it. MQTT is the real one; tests have one that fails as told. */
export interface GatewayConnection {
  /**
   * Sends a message at QoS 1, in the order of the calls.
   * @param acknowledged called once the gateway has committed it; never after {@link over} has settled.
   */
  publish(topic: string, payload: Buffer, acknowledged: () => void): void;
  /** Sends a message at QoS 0, unless the last such has not left yet. */
  tell(topic: string, payload: string): void;
  /** Resolves with the reason once the connection has ended; never rejects. */
  readonly over: Promise<ConnectionEnd>;
  /** Ends the connection at once. */
  close(): void;
}

/** Why a connection ended or never began. */
export type ConnectionFault =
  /** No answer at the address. */
  | "unreachable"
  /** The gateway said no: credentials, or its protocol. */
  | "refused"
  /** The gateway or the network ended it. */
  | "closed"
  /** A message was not acknowledged in time. */
  | "publish-timeout"
  /** The spool could not be read. */
  | "spool-unreadable"
  /** A bug of ours. */
  | "unexpected";

export interface ConnectionEnd {
  readonly fault: ConnectionFault;
  readonly message: string;
}

/**
 * Connects, or says why not.
 * @throws {ConnectionError}
 */
export type Connect = (signal: AbortSignal) => Promise<GatewayConnection>;

export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  constructor(
    readonly fault: ConnectionFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
