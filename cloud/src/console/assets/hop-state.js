import { formatAge } from "./format.js";

/** @typedef {import("./events.js").GatewayView} GatewayView */
/** @typedef {import("./events.js").DeviceSeen} DeviceSeen */

/**
 * How a hop is: `ok`, `warn` (works, but somebody should look), `lost`, or `quiet` (nothing to say, or not known).
 * @typedef {{ tone: "ok" | "warn" | "lost" | "quiet", text: string, detail?: string }} HopState
 */

/**
 * The gateway as the cloud sees it: by its control connection.
 * @param {GatewayView} gateway
 * @param {number} nowMs by the cloud's clock
 * @returns {HopState}
 */
export function gatewayState(gateway, nowMs) {
  if (gateway.connectedSinceMs !== null) return { tone: "ok", text: "Connected" };
  return { tone: "lost", text: "Not connected", detail: `last seen ${formatAge(nowMs - gateway.lastSeenMs)} ago` };
}

/**
 * The way of records from the gateway to its upstream.
 * @param {GatewayView} gateway
 * @returns {HopState}
 */
export function upstreamState({ connectedSinceMs, status }) {
  if (connectedSinceMs === null) return { tone: "lost", text: "Broken" };
  if (status === null) return { tone: "quiet", text: "No report yet" };
  const detail = status.upstreamError === undefined ? {} : { detail: status.upstreamError };
  if (status.upstream === "connected") return { tone: "ok", text: "Delivering" };
  if (status.upstream === "idle") return { tone: "ok", text: "Idle" };
  if (status.upstream === "rejecting") return { tone: "warn", text: "Rejected", ...detail };
  return { tone: "lost", text: "Unreachable", ...detail };
}

/**
 * A device as its gateway last reported it.
 * @param {DeviceSeen} device
 * @param {GatewayView} gateway
 * @param {number} nowMs
 * @returns {HopState}
 */
export function deviceState(device, gateway, nowMs) {
  if (gateway.connectedSinceMs === null) {
    return { tone: "quiet", text: "Not known", detail: "its gateway is not connected" };
  }
  if (device.connected) return { tone: "ok", text: "Connected" };
  return { tone: "lost", text: "Not connected", detail: `last seen ${formatAge(nowMs - device.lastSeenMs)} ago` };
}

/**
 * The way of records from the devices to their gateway.
 * @param {GatewayView} gateway
 * @returns {HopState}
 */
export function uplinkState({ connectedSinceMs, devices, devicesConnected }) {
  if (connectedSinceMs === null) return { tone: "quiet", text: "Not known" };
  if (devices.length === 0) return { tone: "quiet", text: "Waiting" };
  if (devicesConnected === 0) return { tone: "lost", text: "Broken" };
  return devicesConnected < devices.length
    ? { tone: "warn", text: `${devicesConnected} of ${devices.length}` }
    : { tone: "ok", text: "Connected" };
}

/**
 * How full a spool is: durable records that wait for the next hop.
 * @param {number} bytes
 * @param {number} bytesMax
 * @returns {{ tone: "ok" | "warn" | "lost", percent: number }}
 */
export function spoolState(bytes, bytesMax) {
  const percent = bytesMax > 0 ? Math.min(100, (100 * bytes) / bytesMax) : 0;
  return { tone: percent >= 90 ? "lost" : percent >= 60 ? "warn" : "ok", percent };
}
