/**
 * What the host sensor puts into a record. Fields that a host cannot measure are absent.
 * @typedef {object} SensorReading
 * @property {string} device the record's partition key
 * @property {number} timeMs by the device's clock, if it says
 * @property {number} arrivalMs by the cloud's clock
 * @property {number | undefined} cpuPercent
 * @property {number | undefined} memoryUsedBytes
 * @property {number | undefined} memoryTotalBytes
 * @property {number | undefined} diskUsedBytes
 * @property {number | undefined} diskTotalBytes
 * @property {number | undefined} temperatureCelsius
 */

/**
 * Reads a record's JSON as the host sensor's, or answers undefined where it is something else.
 * @param {import("./events.js").LiveRecord} record
 * @returns {SensorReading | undefined}
 */
export function readSensor(record) {
  if (record.payload.kind !== "json") return undefined;
  /** @type {unknown} */
  let json;
  try {
    json = JSON.parse(record.payload.text);
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const fields = /** @type {Record<string, unknown>} */ (json);
  /** @param {string} name */
  const number = (name) => {
    const value = fields[name];
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  };
  /** @param {string} what */
  const used = (what) => {
    const [total, available] = [number(`${what}TotalBytes`), number(`${what}AvailableBytes`)];
    return total === undefined || available === undefined ? undefined : total - available;
  };
  const reading = {
    device: record.partitionKey,
    timeMs: measuredMs(fields["time"]) ?? record.timeMs,
    arrivalMs: record.timeMs,
    cpuPercent: number("cpuPercent"),
    memoryUsedBytes: used("memory"),
    memoryTotalBytes: number("memoryTotalBytes"),
    diskUsedBytes: used("disk"),
    diskTotalBytes: number("diskTotalBytes"),
    temperatureCelsius: number("temperatureCelsius"),
  };
  const isReading = reading.cpuPercent !== undefined || reading.memoryUsedBytes !== undefined;
  return isReading ? reading : undefined;
}

/** @param {unknown} time @returns {number | undefined} */
function measuredMs(time) {
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
