import type { Damage, Log, LogEvent } from "../api.js";
import { openLog } from "../open.js";
import { type FaultDisk, randomOf } from "./fault-disk.js";
import { History, isDiskTrouble } from "./history.js";
import { ManualClock } from "./manual-clock.js";

export interface Scenario {
  readonly seed: number;
  readonly shards: number;
  readonly journals: number;
  readonly sharedAppendBytesMax: number;
  readonly spareBytesMax: number;
  /** Frames of one length lie where others did in the former life of a file that is used again. */
  readonly isEven: boolean;
}

/** How many scenarios a test tries: the long tests ask for more. */
export function runs(): number {
  return process.env["HEADWATER_TEST_FULL"] === "1" ? 1500 : 60;
}

/** Opens the same log again and again, uses it at random, and checks it, as the scenario's seed says. */
export class Sessions {
  readonly random: () => number;
  readonly history: History;
  readonly events: LogEvent[] = [];
  /** Paths of journals that lay in files that were used again. */
  readonly reused = new Set<string>();
  readonly #clock = new ManualClock();
  readonly #scenario: Scenario;
  /** Lets the log's timers fire. */
  readonly #pass: (ms: number) => Promise<void>;

  constructor(scenario: Scenario, pass: (ms: number) => Promise<void>) {
    this.#scenario = scenario;
    this.random = randomOf(scenario.seed);
    this.history = new History(this.random);
    this.#pass = pass;
  }

  get names(): string[] {
    return Array.from({ length: this.#scenario.shards }, (_, i) => `shard ${i}`);
  }

  open(disk: FaultDisk): Promise<Log> {
    return openLog({
      directory: "/data",
      disk,
      clock: this.#clock,
      journals: this.#scenario.journals,
      sharedAppendBytesMax: this.#scenario.sharedAppendBytesMax,
      spareBytesMax: this.#scenario.spareBytesMax,
      journalBytesMax: 6000,
      report: (event) => this.events.push(event),
    });
  }

  /** Opens, checks and uses the log until the disk is off or enough was done. Answers the log, if it could be opened. */
  async session(disk: FaultDisk, steps: number): Promise<Log | undefined> {
    let log: Log;
    try {
      log = await this.open(disk);
      await this.history.createShards(log, this.names);
    } catch (error) {
      if (isDiskTrouble(error)) return undefined;
      throw error;
    }
    try {
      if (!disk.isOff) await this.history.check(log);
      for (let step = 0; step < steps && !disk.isOff; step++) await this.#step(log, disk);
    } catch (error) {
      if (!disk.isOff || !isDiskTrouble(error)) throw error;
    }
    return log;
  }

  async #step(log: Log, disk: FaultDisk): Promise<void> {
    const what = this.random();
    this.#clock.advance(Math.floor(this.random() * 5) - 1);
    if (what < 0.65) {
      const appends = Array.from({ length: 1 + Math.floor(this.random() * 4) }, () =>
        this.history.append(
          log,
          this.#name(),
          1 + Math.floor(this.random() * 3),
          this.#scenario.isEven ? 700 : 1500,
          this.#scenario.isEven ? 700 : 0,
        ),
      );
      for (const error of await Promise.all(appends)) assertTrouble(error);
      for (const path of disk.files().keys()) if (/-\w{16}\.journal$/.test(path)) this.reused.add(path);
    } else if (what < 0.75) {
      assertTrouble(await this.history.putState(log, this.#name()));
    } else if (what < 0.83) {
      await this.history.trim(log, this.#name());
    } else if (what < 0.93) {
      await this.#pass(what < 0.9 ? 150 : 12_000);
    } else if (!disk.isOff) {
      await this.history.check(log);
    }
  }

  #name(): string {
    return this.names[Math.floor(this.random() * this.names.length)]!;
  }
}

function assertTrouble(error: unknown): void {
  if (error !== undefined && !isDiskTrouble(error)) throw error;
}

/** Of what a log has found, the places where acknowledged frames were hit. */
export function damagedOf(log: Log | undefined): Damage[] {
  return (log?.damage() ?? []).filter(({ kind }) => kind === "damaged");
}
