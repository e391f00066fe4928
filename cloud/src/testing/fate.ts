/** Makes one call fail, and perhaps all that follow it, as the disk or a power cut would. */
export class Fate {
  /** Calls so far, by name. */
  readonly calls: string[] = [];
  /** Calls before it is armed are none of its business. */
  isArmed = true;
  #isOver = false;

  /**
   * @param at which call fails, counted from 0.
   * @param when whether it fails before or after it did its work.
   * @param isFatal whether nothing works any more from then on.
   */
  constructor(
    readonly at: number,
    readonly when: "before" | "after",
    readonly isFatal: boolean,
  ) {}

  /**
   * Watches over an object's methods of these names, which must answer promises.
   * @param mortal names of methods that end with the rest, but are not counted.
   */
  over<T extends object>(
    target: T,
    names: readonly (keyof T & string)[],
    mortal: readonly (keyof T & string)[] = [],
  ): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const call = (...values: unknown[]): unknown => Reflect.apply(value, target, values);
        const isOneOf = (some: readonly string[]): boolean => some.includes(String(name));
        if (isOneOf(names)) {
          return (...values: unknown[]) => this.#meet(String(name), () => call(...values) as Promise<unknown>);
        }
        return isOneOf(mortal) ? (...values: unknown[]) => this.#ifAlive(() => call(...values)) : call;
      },
    });
  }

  async #meet<T>(name: string, call: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new Error("power cut");
    if (!this.isArmed) return call();
    const isNow = this.calls.length === this.at;
    this.calls.push(name);
    if (!isNow) return call();
    this.#isOver = this.isFatal;
    if (this.when === "after") await call();
    throw new Error("as fate wishes");
  }

  async #ifAlive(call: () => unknown): Promise<unknown> {
    if (this.#isOver) throw new Error("power cut");
    return call();
  }
}
