import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * What a test opened and must close again whether it passes or not: close it in `afterAll` or `onTestFinished`.
 * Closes in reverse order; a failing close does not keep the others from closing.
 */
export class Scope {
  readonly #closers: (() => unknown)[] = [];

  defer(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** A new empty directory, removed with the scope. */
  async directory(name: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), `headwater-test-${name}-`));
    this.defer(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "closing what the test opened failed");
  }
}
