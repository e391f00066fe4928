/**
 * Takes a data directory for this process until the lock is released or the process ends, by an exclusive SQLite lock.
 * @throws {LogError} `directory-in-use`.
 */
export function lockDirectory(_directory: string): Promise<{ release(): Promise<void> }> {
  return Promise.reject(new Error("being built"));
}
