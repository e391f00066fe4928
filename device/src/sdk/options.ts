import { isDeviceId } from "@headwater/protocol";
import type { Report } from "../report.js";
import { DeviceError } from "./device-error.js";

export interface DeviceOptions {
  /** The device's id, also its MQTT client id: 1 to 128 of `A-Z a-z 0-9 . _ -`. No two devices of a gateway share one. */
  readonly id: string;
  /** Directory of the spool; made if missing. One process at a time. */
  readonly data: string;
  /** `mqtt://host:port`; the port is 1883 unless given. */
  readonly gateway: string;
  /** MQTT user name; the id unless given. */
  readonly username?: string;
  readonly password?: string;
  /** Bytes that unacknowledged records may take on the disk: 4 MiB or more. Default 256 MiB. */
  readonly spoolBytesMax?: number;
  /** When the spool is full: fail the put (default), or give up the oldest records and count them. */
  readonly onFull?: "reject" | "drop-oldest";
  /** Takes the clock as synchronised where that cannot be seen (chrony, PTP, GPS). Default false. */
  readonly clockTrusted?: boolean;
  /** Hears what an operator should read; must not throw. */
  readonly report?: Report;
}

/** Options that were checked, with what was left out. */
export interface CheckedOptions {
  readonly id: string;
  readonly data: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string | undefined;
  readonly spoolBytesMax: number;
  readonly onFull: "reject" | "drop-oldest";
  readonly clockTrusted: boolean;
  readonly report: Report;
}

export const SPOOL_BYTES_MIN = 4 * 1024 * 1024;
export const SPOOL_BYTES_DEFAULT = 256 * 1024 * 1024;

/** @throws {DeviceError} `invalid-options`, naming every mistake. */
export function checkOptions(options: DeviceOptions): CheckedOptions {
  const { id, data, gateway, spoolBytesMax = SPOOL_BYTES_DEFAULT, onFull = "reject" } = options;
  const problems: string[] = [];
  if (!isDeviceId(id)) problems.push("id: 1 to 128 of A-Z a-z 0-9 . _ -");
  if (data === "") problems.push("data: a directory");
  const address = parseGateway(gateway);
  if (typeof address === "string") problems.push(`gateway: ${address}`);
  if (!Number.isSafeInteger(spoolBytesMax) || spoolBytesMax < SPOOL_BYTES_MIN) {
    problems.push(`spoolBytesMax: ${SPOOL_BYTES_MIN} or more`);
  }
  if (onFull !== "reject" && onFull !== "drop-oldest") problems.push('onFull: "reject" or "drop-oldest"');
  if (problems.length > 0 || typeof address === "string") throw new DeviceError("invalid-options", problems.join("; "));
  return {
    id,
    data,
    ...address,
    username: options.username ?? id,
    password: options.password,
    spoolBytesMax,
    onFull,
    clockTrusted: options.clockTrusted ?? false,
    report: options.report ?? (() => undefined),
  };
}

/** Reads `mqtt://host:port`, or says what is wrong with it. */
export function parseGateway(text: string): { readonly host: string; readonly port: number } | string {
  if (!URL.canParse(text)) return "not a URL; write mqtt://host:1883";
  const url = new URL(text);
  if (url.protocol !== "mqtt:") return "the protocol is mqtt://";
  if (url.username !== "" || url.password !== "") return "give credentials as username and password, not in the URL";
  if (url.hostname === "") return "no host; write mqtt://host:1883";
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    return "nothing follows the port";
  }
  // An IPv6 address stands in brackets in a URL, but not in a socket's options.
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: url.port === "" ? 1883 : Number(url.port) };
}
