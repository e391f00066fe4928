import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BoundedLogFile } from "./bounded-log-file.js";
import { QuickstartError } from "./quickstart-error.js";

const COMMAND = fileURLToPath(new URL("../../bin/headwater.js", import.meta.url));

/** A part has 10 s to stop. */
const STOP_TIMEOUT_MS = 11_000;
const BACKOFF_MS = { first: 1_000, most: 30_000 };
/** A part that ran this long before it died starts with the shortest wait again. */
const HEALTHY_AFTER_MS = 60_000;
const TAIL_LINES = 8;

export interface ChildPartOptions {
  readonly name: string;
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly log: BoundedLogFile;
  /** Told in words when the part dies, is started again, or serves again. */
  readonly say: (line: string) => void;
}

/** One part in a process of its own, started again when it dies. It stops by itself when this process is gone. */
export class ChildPart {
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #again: NodeJS.Timeout | undefined;
  #backoffMs = BACKOFF_MS.first;
  #restarts = 0;
  #stopping = false;

  constructor(private readonly options: ChildPartOptions) {}

  /**
   * Resolves with the addresses on the ready line.
   * @throws {QuickstartError} with the end of its log, if it ends before.
   */
  start(): Promise<ReadonlyMap<string, string>> {
    const { name, flags, env, log } = this.options;
    const startedMs = Date.now();
    const child = spawn(process.execPath, [COMMAND, name, ...flags], {
      env,
      // The channel closes when this process is gone, whatever ended it; the part stops then.
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // In a group of its own: Ctrl-C reaches only this process, which stops the parts one after the other.
      detached: true,
    });
    this.#process = child;
    const tail: string[] = [];
    child.stderr?.on("data", (chunk: Buffer) => log.write(chunk));
    if (child.stderr)
      createInterface({ input: child.stderr }).on("line", (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
      });

    return new Promise((resolve, reject) => {
      let isReady = false;
      if (child.stdout)
        createInterface({ input: child.stdout }).on("line", (line) => {
          const addresses = readReadyLine(name, line);
          if (addresses === undefined) return;
          isReady = true;
          resolve(addresses);
        });
      this.#ended = new Promise((ended) => {
        child.once("close", (code, signal) => {
          this.#process = undefined;
          ended();
          const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
          const report = [`${name} ${how}; its log is ${log.path}, and ends:`, ...tail.map((line) => `    ${line}`)];
          if (!isReady) reject(new QuickstartError(report.join("\n")));
          else if (!this.#stopping) this.#restart(report, Date.now() - startedMs);
        });
      });
    });
  }

  #restart(report: readonly string[], ranMs: number): void {
    if (ranMs > HEALTHY_AFTER_MS) this.#backoffMs = BACKOFF_MS.first;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(2 * waitMs, BACKOFF_MS.most);
    this.#restarts += 1;
    const { name, say } = this.options;
    say([...report, `Starting ${name} again in ${waitMs / 1000} s (restart ${this.#restarts})`].join("\n"));
    this.#again = setTimeout(() => {
      this.start().then(
        () => say(`${name} serves again`),
        (error: Error) => {
          if (!this.#stopping) this.#restart([error.message], 0);
        },
      );
    }, waitMs);
  }

  /** SIGTERM, and SIGKILL for a part that does not end in time. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#again);
    const child = this.#process;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.options.say(`${this.options.name} did not stop in ${STOP_TIMEOUT_MS / 1000} s and is killed`);
      child.kill("SIGKILL");
    }, STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends it at once; for the second Ctrl-C. */
  kill(): void {
    this.#stopping = true;
    this.#process?.kill("SIGKILL");
  }
}

function readReadyLine(name: string, line: string): ReadonlyMap<string, string> | undefined {
  const prefix = `headwater ${name} ready`;
  if (!line.startsWith(prefix)) return undefined;
  const words = line.slice(prefix.length).trim().split(/\s+/).filter(Boolean);
  return new Map(words.map((word) => [word.split("=", 1)[0] ?? "", word.slice(word.indexOf("=") + 1)]));
}
