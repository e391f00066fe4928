/** Runs a task every so often, never twice at once. */
export class RepeatedTask {
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  /** @param task must not reject. */
  constructor(task: () => Promise<void>, everyMs: number) {
    this.#timer = setInterval(() => {
      this.#running ??= task().finally(() => (this.#running = undefined));
    }, everyMs).unref();
  }

  /** Resolves when a run that is under way has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
