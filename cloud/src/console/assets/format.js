/** Numbers, bytes and times as people read them. */

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * @param {number} bytes
 * @returns {string} such as `3.1 GiB`
 */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * @param {number} count
 * @returns {string} with thousands apart: `12,345`
 */
export function formatCount(count) {
  return Math.round(count).toLocaleString("en");
}

/**
 * @param {number} count @param {string} noun in the singular
 * @returns {string} such as `1 record` or `12,345 records`
 */
export function countOf(count, noun) {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * @param {number} rate events a second
 * @returns {string} such as `0.5` or `1,234`
 */
export function formatRate(rate) {
  return rate < 9.95 && rate > 0 ? rate.toFixed(1) : formatCount(rate);
}

/**
 * @param {number} ms
 * @returns {string} such as `42 s` or `3 h 5 min`
 */
export function formatAge(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/**
 * @param {number} ms since 1970
 * @returns {string} time of day with milliseconds, where this browser is: `14:03:27.045`
 */
export function formatTime(ms) {
  const date = new Date(ms);
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}.${pad(date.getMilliseconds(), 3)}`;
}

/** @param {number} value @param {number} digits */
function pad(value, digits) {
  return String(value).padStart(digits, "0");
}

/**
 * The part of a sequence number that changes: see docs/design/sequence-numbers.md for its 56 digits.
 * @param {string} sequenceNumber
 * @returns {string} such as `49…345`
 */
export function shortenSequenceNumber(sequenceNumber) {
  const match = /^49\d{10}(\d{20})\d{24}$/.exec(sequenceNumber);
  return match === null ? sequenceNumber : `49…${match[1]?.replace(/^0+(?=\d)/, "")}`;
}
