/**
 * The control channel between a gateway and the cloud: a WebSocket that the gateway opens, JSON text messages.
 * Every message carries the protocol's version and a rising id; `resume` in `hello` is the last id the gateway saw
 * from the cloud, so what was missed can be sent again. See docs/design/control-channel.md.
 */
export const CONTROL_PATH = "/headwater/control/1";
export const CONTROL_VERSION = 1;

/** What a gateway knows of one device. Times are milliseconds since 1970 by the gateway's clock. */
export interface DeviceSeen {
  readonly device: string;
  readonly connected: boolean;
  readonly lastSeenMs: number;
  /** Records and bytes committed from this device since the gateway started. */
  readonly records: number;
  readonly bytes: number;
  /** The device's own last status report, if it sent one. */
  readonly status?: DeviceStatus;
}

/** What a device says of itself on its status topic. */
export interface DeviceStatus {
  readonly spoolRecords: number;
  readonly spoolBytes: number;
  readonly spoolBytesMax: number;
  /** Age of the oldest record that the gateway has not acknowledged, in ms; 0 where there is none. */
  readonly oldestMs: number;
  /** Records dropped since the agent started, by cause. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The gateway's own state. */
export interface GatewayStatus {
  readonly spoolRecords: number;
  readonly spoolBytes: number;
  readonly spoolBytesMax: number;
  /** By the last calls: taken, not answered, or answered and not taken for a reason that lasts; `idle` before the first. */
  readonly upstream: "connected" | "unreachable" | "rejecting" | "idle";
  readonly upstreamError?: string;
  readonly forwardedRecords: number;
  readonly deadLetters: number;
}

export type GatewayMessage =
  | {
      readonly v: 1;
      readonly id: number;
      readonly type: "hello";
      readonly gateway: string;
      readonly spoolId: string;
      readonly resume: number;
    }
  | {
      readonly v: 1;
      readonly id: number;
      readonly type: "state";
      readonly gateway: GatewayStatus;
      readonly devices: readonly DeviceSeen[];
    };

export type CloudMessage =
  | { readonly v: 1; readonly id: number; readonly type: "welcome"; readonly resume: number }
  | {
      readonly v: 1;
      readonly id: number;
      readonly type: "error";
      readonly code: "unsupported-version" | "malformed";
      readonly message: string;
    };
