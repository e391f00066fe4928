import { formatAge } from "./format.js";

/** @typedef {import("./events.js").GatewayView} GatewayView */
/** @typedef {import("./events.js").DeviceSeen} DeviceSeen */

/**
 * How a hop is: `ok`, `warn` (works, but somebody should look), `lost`, or `quiet` (nothing to say, or not known).
 * @typedef {{ tone: "ok" | "warn" | "lost" | "quiet", text: string, detail?: string }} HopState
 */

/** A gateway reports every 2 s. */
const SILENT_MS = 10_000;

/**
 * The gateway as the cloud sees it: by its control connection.
 * @param {GatewayView} gateway
 * @param {number} nowMs by the cloud's clock
 * @returns {HopState}
 */
export function gatewayState(gateway, nowMs) {
  if (gateway.connectedSinceMs !== null) {
    const silentMs = nowMs - gateway.lastSeenMs;
    if (silentMs < SILENT_MS) return { tone: "ok", text: "Connected" };
    return { tone: "warn", text: "Silent", detail: `nothing heard for ${formatAge(silentMs)}` };
  }
  return { tone: "lost", text: "Offline", detail: `last seen ${formatAge(nowMs - gateway.lastSeenMs)} ago` };
}

/**
 * The way of records from the gateway to its upstream.
 * @param {GatewayView} gateway
 * @param {boolean} isStuck records wait, and none went out for a while
 * @returns {HopState}
 */
export function upstreamState({ connectedSinceMs, status }, isStuck) {
  if (connectedSinceMs === null) return { tone: "lost", text: "Broken" };
  if (status === null) return { tone: "quiet", text: "No report yet" };
  const detail = status.upstreamError === undefined ? {} : { detail: status.upstreamError };
  if (status.upstream === "unreachable") return { tone: "lost", text: "Unreachable", ...detail };
  if (status.upstream === "rejecting") return { tone: "warn", text: "Rejected", ...detail };
  if (isStuck) return { tone: "warn", text: "Stuck", detail: "records wait, and none goes out" };
  return { tone: "ok", text: status.upstream === "connected" ? "Delivering" : "Idle" };
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
  return { tone: "lost", text: "Offline", detail: `last seen ${formatAge(nowMs - device.lastSeenMs)} ago` };
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
