import type { Damage, LogEvent } from "../api.js";

/** Remembered; older ones are only counted. */
const damagesMax = 1000;
/** Places that are recognised, at most; where more are found, the oldest count again when they are read again. */
const knownMax = 10_000;
/** Told one by one; a disk that is broken throughout would drown everything else. */
const reportsMax = 100;

/** What was found damaged or torn, each place once as long as it is known. */
export class DamageLog {
  damaged = 0;
  torn = 0;
  readonly #report: (event: LogEvent) => void;
  /** The newest, and those before them: to forget one at a time would take the longer the more were forgotten. */
  #known = new Set<string>();
  #knownBefore: ReadonlySet<string> = new Set();
  readonly #latest: Damage[] = [];

  constructor(report: (event: LogEvent) => void) {
    this.#report = report;
  }

  add(damage: Damage): void {
    const key = `${damage.file}:${damage.offset}`;
    if (this.#known.has(key) || this.#knownBefore.has(key)) return;
    this.#known.add(key);
    if (this.#known.size > knownMax / 2) {
      this.#knownBefore = this.#known;
      this.#known = new Set();
    }
    if (damage.kind === "damaged") this.damaged++;
    else this.torn++;
    this.#latest.push(damage);
    if (this.#latest.length > damagesMax) this.#latest.shift();
    const level = damage.kind === "damaged" ? "error" : "warn";
    const found = this.damaged + this.torn;
    if (found <= reportsMax) this.#report({ level, message: `${damage.kind} bytes in the log`, ...damage });
    if (found === reportsMax) this.#report({ level, message: "further damage in the log is only counted" });
  }

  latest(): readonly Damage[] {
    return [...this.#latest];
  }
}
