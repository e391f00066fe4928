import { fileURLToPath } from "node:url";
import { Child, type Exit } from "./child.js";
import { type Metrics, parseMetrics } from "./metrics.js";
import type { Scope } from "./scope.js";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));
const headwater = fileURLToPath(new URL("../../../cli/bin/headwater.js", import.meta.url));

export type PartName = "cloud" | "gateway" | "device";

export interface PartOptions {
  /** Flags by name without dashes; `true` is a bare flag. Ports default to 0: a free one. */
  readonly flags: Readonly<Record<string, string | number | true>>;
  readonly env?: Record<string, string>;
  /** A command to run it under, such as strace and its options. */
  readonly under?: readonly string[];
  readonly readyWithinMs?: number;
}

/** `headwater cloud|gateway|device` as a real process that can be killed and started again where it was. */
export class Part {
  readonly name: PartName;
  readonly #scope: Scope;
  readonly #options: PartOptions;
  /** The ports that the first start got, so that clients find the second one. */
  readonly #ports: Record<string, number> = {};
  #child: Child;
  /** From the ready line, such as `http`. */
  #addresses: ReadonlyMap<string, string> = new Map();

  private constructor(scope: Scope, name: PartName, options: PartOptions, child: Child) {
    this.#scope = scope;
    this.name = name;
    this.#options = options;
    this.#child = child;
  }

  static async start(scope: Scope, name: PartName, options: PartOptions): Promise<Part> {
    const part = new Part(scope, name, options, await launch(scope, name, options, {}));
    await part.#ready();
    return part;
  }

  /** Starts it without waiting for the ready line: for starts that are to fail. */
  static async launch(scope: Scope, name: PartName, options: PartOptions): Promise<Child> {
    return await launch(scope, name, options, {});
  }

  get child(): Child {
    return this.#child;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** An address of the ready line. */
  address(key: string): string {
    const address = this.#addresses.get(key);
    if (address === undefined) throw new Error(`no ${key}= in the ready line\n${this.#child.describe()}`);
    return address;
  }

  port(key: string): number {
    return Number(new URL(this.address(key)).port);
  }

  get url(): string {
    return this.address("http");
  }

  async kill(signal: NodeJS.Signals): Promise<Exit> {
    return await this.#child.kill(signal);
  }

  /** SIGTERM; the exit must be clean: code 0 within 10 s. */
  async stop(): Promise<void> {
    const exit = await this.#child.kill("SIGTERM", 10_000);
    if (exit.code !== 0) throw new Error(`the end was not clean\n${this.#child.describe()}`);
  }

  /** Starts it again on the same data and the same ports, after it ended. */
  async restart(): Promise<void> {
    if (this.#child.exit === undefined) throw new Error(`${this.name} still runs`);
    this.#child = await launch(this.#scope, this.name, this.#options, this.#ports);
    await this.#ready();
  }

  async metrics(): Promise<Metrics> {
    return parseMetrics(await this.get("/metrics"));
  }

  async get(path: string): Promise<string> {
    // A connection of its own: one that was kept may be closed by the part while it is used again.
    const headers = { connection: "close" };
    const response = await fetch(this.url + path, { headers, signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${this.name} ${path}: ${response.status} ${text}`);
    return text;
  }

  async #ready(): Promise<void> {
    const [, list = ""] = await this.#child.line(
      `${this.name}'s ready line`,
      new RegExp(`^headwater ${this.name} ready(.*)$`, "m"),
      this.#options.readyWithinMs ?? 30_000,
    );
    this.#addresses = new Map(
      list
        .trim()
        .split(/\s+/)
        .map((pair) => {
          const equals = pair.indexOf("=");
          return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
        }),
    );
    for (const [flag, key] of Object.entries(portFlags[this.name])) this.#ports[flag] = this.port(key);
  }
}

/** The flags that choose a listener's port, and the ready line's keys for what they chose. */
const portFlags: Readonly<Record<PartName, Readonly<Record<string, string>>>> = {
  cloud: { port: "http" },
  gateway: { "mqtt-port": "mqtt", "http-port": "http" },
  device: { "http-port": "http" },
};

async function launch(
  scope: Scope,
  name: PartName,
  options: PartOptions,
  ports: Readonly<Record<string, number>>,
): Promise<Child> {
  const free = Object.fromEntries(Object.keys(portFlags[name]).map((flag) => [flag, 0]));
  const flags = Object.entries({ ...free, ...options.flags, ...ports }).flatMap(([flag, value]) =>
    value === true ? [`--${flag}`] : [`--${flag}`, String(value)],
  );
  const command = [...(options.under ?? []), process.execPath, headwater, name, ...flags];
  const [program = process.execPath, ...args] = command;
  return await Child.start(scope, name, [program, ...args], { env: options.env ?? {} });
}
