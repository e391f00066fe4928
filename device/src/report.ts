/** Something an operator should read. */
export interface DeviceEvent {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly [detail: string]: unknown;
}

/** Hears of events; must not throw. */
export type Report = (event: DeviceEvent) => void;
