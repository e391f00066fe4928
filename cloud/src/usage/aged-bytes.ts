import type { StreamState } from "../streams/stream-state.js";
import type { UsageStore } from "./sqlite-usage.js";
import { HOUR_MS, hourOf } from "./usage.js";

const DAY_HOURS = 24;
const WEEK_HOURS = 7 * DAY_HOURS;

/** How much a stream keeps of what AWS charges for by its age. */
export interface Aged {
  /** Bytes that came more than 24 hours ago, up to 7 days. */
  readonly extendedBytes: number;
  /** Bytes that came more than 7 days ago. */
  readonly longTermBytes: number;
}

const nothing: Aged = { extendedBytes: 0, longTermBytes: 0 };

/**
 * Works out what streams keep for longer than a day from what came into them, hour by hour: what came within an hour is taken as of
 * its end, and goes with its last record, so that each byte counts for as many hours as it is kept.
 */
export class AgedBytes {
  readonly #store: Pick<UsageStore, "bytesIn">;
  /** By stream; good for the hour, the retention and the creation that it names. */
  readonly #known = new WeakMap<StreamState, { readonly of: string; readonly aged: Aged }>();

  constructor(store: Pick<UsageStore, "bytesIn">) {
    this.#store = store;
  }

  async of(stream: StreamState, nowMs: number): Promise<Aged> {
    const { retentionHours } = stream.settings;
    if (retentionHours <= DAY_HOURS) return nothing;
    const hourMs = hourOf(nowMs);
    const of = `${hourMs} ${retentionHours}`;
    const known = this.#known.get(stream);
    if (known?.of === of) return known.aged;
    // What an earlier stream of the name has kept is not this one's.
    const bornMs = hourOf(stream.createdMs);
    const cameBefore = (hours: number): number => Math.max(bornMs, hourMs - hours * HOUR_MS);
    const stored = (fromHours: number, toHours: number): Promise<number> =>
      this.#store.bytesIn(stream.name, cameBefore(fromHours), cameBefore(toHours));
    const aged = {
      extendedBytes: await stored(Math.min(retentionHours, WEEK_HOURS), DAY_HOURS),
      longTermBytes: retentionHours > WEEK_HOURS ? await stored(retentionHours, WEEK_HOURS) : 0,
    };
    this.#known.set(stream, { of, aged });
    return aged;
  }
}
