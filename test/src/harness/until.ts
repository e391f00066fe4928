/**
 * Waits for a condition, never for a length of time: probes every few milliseconds until the probe answers something
 * other than `undefined` or `false`, and answers that.
 * @param awaited what is awaited, for the error: "the gateway's spool to be empty"; a function is asked at the end.
 * @param probe may throw: its last error becomes the cause.
 * @throws {Error} once `deadlineMs` (default 90 s) have passed.
 */
export async function until<T>(
  awaited: string | (() => string),
  probe: () => T | Promise<T>,
  { deadlineMs = 90_000, everyMs = 20 }: { deadlineMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${typeof awaited === "string" ? awaited : awaited()}`, {
        cause,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Settles as the promise does, or fails after `deadlineMs`, saying what was awaited. */
export async function within<T>(awaited: string, deadlineMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${deadlineMs} ms in vain for ${awaited}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
