import { type ChildProcess, spawn } from "node:child_process";
import { BoundedText } from "./bounded-text.js";
import type { Scope } from "./scope.js";
import { until, within } from "./until.js";

const OUTPUT_CHARACTERS_MAX = 64 * 1024;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Gives it a process group, to which signals go: as a terminal does it. Default false. */
  readonly ownGroup?: boolean;
}

/**
 * A real process of the test, which never outlives it: the scope kills it, and should the test's own process die,
 * the kernel does (`setpriv --pdeathsig`, Linux).
 */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly stdout = new BoundedText(OUTPUT_CHARACTERS_MAX);
  readonly stderr = new BoundedText(OUTPUT_CHARACTERS_MAX);
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  #exit: Exit | undefined;
  readonly #ownGroup: boolean;
  readonly #lineListeners = new Set<(line: string) => void>();

  private constructor(name: string, process: ChildProcess, pid: number, ownGroup: boolean) {
    this.#ownGroup = ownGroup;
    this.name = name;
    this.pid = pid;
    this.#process = process;
    let partial = "";
    process.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      this.stdout.append(chunk);
      const lines = (partial + chunk).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) for (const listener of this.#lineListeners) listener(line);
    });
    process.stderr?.setEncoding("utf8").on("data", (chunk: string) => this.stderr.append(chunk));
    this.exited = new Promise((resolve) => {
      process.once("close", (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  static async start(
    scope: Scope,
    name: string,
    command: readonly [string, ...string[]],
    options: ChildOptions = {},
  ): Promise<Child> {
    const started = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: options.cwd,
      detached: options.ownGroup ?? false,
      env: { ...process.env, ...options.env },
    });
    const pid = await new Promise<number>((resolve, reject) => {
      started.once("error", reject);
      started.once("spawn", () => resolve(started.pid ?? Number.NaN));
    });
    const child = new Child(name, started, pid, options.ownGroup ?? false);
    scope.defer(() => child.kill("SIGKILL"));
    return child;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Calls back for each whole line on stdout from now on. */
  onLine(listener: (line: string) => void): void {
    this.#lineListeners.add(listener);
  }

  /** The first line on stdout that matches; fails at once if the process ends before it. */
  async line(awaited: string, pattern: RegExp, deadlineMs = 30_000): Promise<RegExpExecArray> {
    const found = await until(
      () => `${awaited}\n${this.describe()}`,
      () => pattern.exec(this.stdout.toString()) ?? (this.#exit === undefined ? undefined : ("ended" as const)),
      { deadlineMs, everyMs: 5 },
    );
    if (found === "ended") throw new Error(`the end came before ${awaited}\n${this.describe()}`);
    return found;
  }

  /** Sends the signal (if the process still runs) and waits for the end. */
  async kill(signal: NodeJS.Signals, deadlineMs = 20_000): Promise<Exit> {
    if (this.#exit === undefined) this.signal(signal);
    return await within(`${this.name} to end after ${signal}`, deadlineMs, this.exited).catch((error: unknown) => {
      throw new Error(this.describe(), { cause: error });
    });
  }

  /** Sends a signal without waiting. */
  signal(signal: NodeJS.Signals): void {
    if (this.#ownGroup) process.kill(-this.pid, signal);
    else this.#process.kill(signal);
  }

  /** What an investigator wants to see: state and the last output. */
  describe(): string {
    const state = this.#exit === undefined ? `runs as ${this.pid}` : `ended ${JSON.stringify(this.#exit)}`;
    return `${this.name} ${state}\n--- stdout\n${this.stdout.toString()}\n--- stderr\n${this.stderr.toString()}\n---`;
  }
}
