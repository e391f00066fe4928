/** Makes one call fail, and perhaps all that follow it, as the disk or a power cut would. */
export class Fate {
  /** Calls so far, by name. */
  readonly calls: string[] = [];
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

  /** Watches over an object's methods of these names; they must answer promises. */
  over<T extends object>(target: T, names: readonly (keyof T & string)[]): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const call = (...values: unknown[]): unknown => Reflect.apply(value, target, values);
        return names.some((watched) => watched === name)
          ? (...values: unknown[]) => this.#meet(String(name), () => call(...values) as Promise<unknown>)
          : call;
      },
    });
  }

  async #meet<T>(name: string, call: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new Error("power cut");
    const isNow = this.calls.length === this.at;
    this.calls.push(name);
    if (!isNow) return call();
    this.#isOver = this.isFatal;
    if (this.when === "after") await call();
    throw new Error("as fate wishes");
  }
}
