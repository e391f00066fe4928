/** How often to look for npm: the system tells nobody that a parent is gone. */
const PARENT_INTERVAL_MS = 1_000;

/** Resolves once everything is to end: at a signal, or at the end of the npm that runs us. */
export function endRequested(listener: { onFirst(reason: string): void; onSecond(): void }): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    const ask = (reason: string): void => {
      if (isAsked) listener.onSecond();
      else listener.onFirst(reason);
      isAsked = true;
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => ask(signal));
    if (process.env["npm_lifecycle_event"] === undefined) return;
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      ask("npm is gone");
    }, PARENT_INTERVAL_MS);
    timer.unref();
  });
}
