import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "../harness/child.js";
import type { Scope } from "../harness/scope.js";
import type { ProducerHistory } from "../programs/history.js";
import { readHistory } from "../programs/history-file.js";

const program = fileURLToPath(new URL("../../dist/programs/device-producer.js", import.meta.url));

export interface DeviceProgramOptions {
  readonly id: string;
  readonly gateway: string;
  readonly stream: string;
  readonly keys: readonly string[];
  /** Time between two rounds of puts. */
  readonly everyMs: number;
}

/** A process of a customer's that puts records through the SDK; killed and started again by the crash test. */
export class DeviceProgram {
  readonly name: string;
  readonly #scope: Scope;
  readonly #settings: DeviceProgramOptions & { data: string; history: string };
  #child: Child | undefined;
  #ackedByEarlier = 0;
  #acked = 0;

  private constructor(scope: Scope, settings: DeviceProgramOptions & { data: string; history: string }) {
    this.#scope = scope;
    this.#settings = settings;
    this.name = settings.id;
  }

  static async start(scope: Scope, options: DeviceProgramOptions): Promise<DeviceProgram> {
    const directory = await scope.directory(options.id);
    const data = join(directory, "data");
    const program = new DeviceProgram(scope, { ...options, data, history: join(directory, "history") });
    await program.restart();
    return program;
  }

  /** Puts that this program knows to be acknowledged, over all its lives. */
  get acknowledged(): number {
    return this.#ackedByEarlier + this.#acked;
  }

  get child(): Child {
    if (this.#child === undefined) throw new Error(`${this.name} was never started`);
    return this.#child;
  }

  history(): ProducerHistory {
    return readHistory(this.#settings.history, this.name, "exactly-once");
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    await this.child.kill(signal);
  }

  async restart(): Promise<void> {
    this.#ackedByEarlier += this.#acked;
    this.#acked = 0;
    const command = [process.execPath, program, JSON.stringify(this.#settings)] as const;
    const child = await Child.start(this.#scope, this.name, [...command]);
    this.#child = child;
    child.onLine((line) => {
      const [, count] = /^acked (\d+)$/.exec(line) ?? [];
      if (count !== undefined) this.#acked = Number(count);
    });
    await child.line(`${this.name} to be ready`, /^ready$/m);
  }

  /** Ends the putting and waits until every put settled; what is spooled goes on to the gateway. */
  async finish(): Promise<void> {
    this.child.signal("SIGUSR2");
    await this.child.line(`${this.name}'s last put`, /^finished$/m);
  }

  /** Ends the process, which must go in good order. */
  async stop(): Promise<void> {
    const exit = await this.child.kill("SIGTERM");
    if (exit.code !== 0) throw new Error(this.child.describe());
  }
}
