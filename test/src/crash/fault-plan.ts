import type { Random } from "../harness/random.js";

export type Victim = "sdk-1" | "sdk-2" | "agent" | "gateway" | "cloud";

/** One fault: who dies at once, how far the others get before, and before the dead come back. */
export interface Fault {
  readonly kill: readonly Victim[];
  /** Acknowledged puts, over all producers, until the kill. */
  readonly afterPuts: number;
  /** And then so many milliseconds, so that a kill follows no acknowledgement in particular. */
  readonly afterMs: number;
  /** Acknowledged puts, over all producers that live, before the victims start again. */
  readonly downForPuts: number;
  /** Whether the gateway is out of the devices' reach meanwhile, by resets or by silence. */
  readonly link: "open" | "cut" | "frozen";
}

const rounds: readonly Victim[][] = [
  ["gateway"],
  ["cloud"],
  ["sdk-1"],
  ["gateway", "cloud"],
  ["agent"],
  ["sdk-2", "gateway"],
];

/** As many kills as asked for, everyone among them, in an order and with timings that the seed decides. */
export function planFaults(random: Random, kills: number): Fault[] {
  const faults: Fault[] = [];
  let left = kills;
  while (left > 0) {
    for (const victims of random.shuffled(rounds)) {
      const kill = victims.slice(0, left);
      if (kill.length === 0) break;
      left -= kill.length;
      const link = random.shuffled(["open", "open", "cut", "frozen"] as const)[0] ?? "open";
      faults.push({
        kill: random.shuffled(kill),
        afterPuts: random.between(50, 500),
        afterMs: random.between(0, 60),
        downForPuts: random.between(0, 300),
        link: faults.length === 1 ? "cut" : link,
      });
    }
  }
  return faults;
}
