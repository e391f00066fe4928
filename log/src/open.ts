import type { Log, LogOptions } from "./api.js";

/**
 * Opens the log in a directory, recovering what a crash left behind.
 * @throws {LogError} `unsupported-format`, `disk-failed`.
 */
export function openLog(_options: LogOptions): Promise<Log> {
  return Promise.reject(new Error("being built"));
}
