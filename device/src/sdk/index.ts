/** The SDK: put records into a device's durable spool, from where they go to its gateway. See docs/guide/sdk.md. */
export { Device, type DeviceState } from "./device.js";
export { DeviceError, type DeviceErrorCode } from "./device-error.js";
export type { DeviceOptions } from "./options.js";
export type { DeviceEvent, Report } from "../report.js";
export type { RecordInput } from "../spool/record-input.js";
