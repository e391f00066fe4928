import type { PublishedFragment } from "../store/fragment.js";
import type { VideoStream } from "../video-stream.js";
import { FragmentOrder, type PlacedFragment } from "./fragment-order.js";
import type { HlsSession } from "./hls-session.js";
import { type LiveTail, liveComing, type TailFragment } from "./live-tail.js";

/** What a session's playlists show at a moment. */
export interface SessionFragments {
  /** At least one. */
  readonly shown: readonly PlacedFragment[];
  /** Of the longest fragment until now. */
  readonly longestMs: number;
  /** Nothing will be added. */
  readonly isOver: boolean;
  /** What is coming, and has the sequence number after the last; only where parts are shown. */
  readonly coming?: TailFragment | undefined;
}

/** Source: GetHLSStreamingSessionURL, MaxMediaPlaylistFragmentResults. */
export const FRAGMENTS_MAX = 5000;
const ORDERS_MAX = 64;
const BEGINNING = -1;
/** More than a live playlist reaches back. */
const LIVE_LOOKBACK_MS = 86_400_000;

/** One that playlists follow, up to the ordinal that was looked at last. */
interface Followed {
  readonly order: FragmentOrder;
  seen: number;
}

/**
 * Which fragments a session shows, and with what numbers. Live sessions of a stream share an order; a replay has its own.
 * Orders are remembered so that numbers stay as they are when retention takes the first fragments.
 */
export class SessionFragmentsReader {
  /** The ones used longest ago come first. */
  readonly #followed = new Map<string, Followed>();

  /**
   * @param tail of the stream, where the session shows parts of what is coming.
   * @returns undefined where there is no fragment.
   */
  read(session: HlsSession, stream: VideoStream, nowMs: number, tail?: LiveTail): SessionFragments | undefined {
    if (stream.retentionHours() === 0) return undefined;
    if (session.mode === "ON_DEMAND") return onDemand(session, stream);
    const order = this.#follow(session, stream);
    if (session.mode === "LIVE") {
      const shown = order.placed.slice(-session.fragmentsMax);
      if (shown.length === 0) return undefined;
      return { shown, longestMs: order.longestMs, isOver: false, coming: tail && comingNext(order, tail, stream) };
    }
    return replayed(session, order, nowMs);
  }

  #follow(session: HlsSession, stream: VideoStream): FragmentOrder {
    const { mode, clock, createdMs, startMs, endMs } = session;
    const key = [stream.id, clock, ...(mode === "LIVE" ? [] : [createdMs, startMs, endMs])].join();
    const followed = this.#followed.get(key) ?? (mode === "LIVE" ? live(stream) : replay(session, stream));
    this.#followed.delete(key);
    this.#followed.set(key, followed);
    const [oldest] = this.#followed.keys();
    if (this.#followed.size > ORDERS_MAX && oldest !== undefined) this.#followed.delete(oldest);

    const { order } = followed;
    const horizonMs = stream.horizonMs();
    const isWanted = mode === "LIVE" ? isLive : selects(session);
    for (let next; (next = stream.store.after(followed.seen, horizonMs)) !== undefined; followed.seen = next.ordinal) {
      // By producer time, what is older than what was shown would go back in time.
      const isNewer = clock === "serverMs" || next.producerMs > (order.last?.producerMs ?? -Infinity);
      if (isNewer && isWanted(next)) order.add(next);
    }
    order.expire(horizonMs);
    return order;
  }
}

/** The newest fragments. Numbers begin with the index's own, so that after a restart they do not go back. */
function live(stream: VideoStream): Followed {
  const [first] = stream.store.published(stream.horizonMs()).slice(-FRAGMENTS_MAX);
  const sequence = first?.ordinal ?? 0;
  return { order: new FragmentOrder({ sequence, keptMax: FRAGMENTS_MAX }), seen: sequence - 1 };
}

/**
 * The next fragment by producer time; the one that was shown, as long as it is coming. Where its connection has ended
 * without its end, it is taken back.
 */
function comingNext(order: FragmentOrder, tail: LiveTail, { store }: VideoStream): TailFragment | undefined {
  const candidates = liveComing(store, order.last?.producerMs ?? -Infinity);
  const { announced } = order;
  const shown = announced && candidates.find(({ id }) => id === announced.id);
  if (shown === undefined) order.takeBack();
  const coming = (shown === undefined ? candidates : [shown]).flatMap(({ id }) => tail.find(id) ?? [])[0];
  if (coming === undefined) return undefined;
  const durationMs = coming.lastMs - coming.producerMs;
  const unknown = { end: coming.begin, bytes: 0, frames: 0, contentCrc: 0, ordinal: -1, isBackfill: false };
  order.announce({ ...coming, ...unknown, durationMs });
  return coming;
}

/** What there was when the session was made. */
function replay(session: HlsSession, stream: VideoStream): Followed {
  const order = new FragmentOrder({ sequence: 1, keptMax: Infinity });
  for (const fragment of selected(session, stream)) order.add(fragment);
  return { order, seen: session.lastOrdinal };
}

/** As many as a playlist holds at once, then each time a fragment's duration has gone by, one more. */
function replayed(
  { fragmentsMax, createdMs, endMs }: HlsSession,
  order: FragmentOrder,
  nowMs: number,
): SessionFragments | undefined {
  const { placed, longestMs } = order;
  const elapsedMs = nowMs - createdMs;
  let first = 0;
  while (first + fragmentsMax < placed.length && (placed[first + 1]?.afterMs ?? Infinity) <= elapsedMs) first += 1;
  const shown = placed.slice(first, first + fragmentsMax);
  if (shown.length === 0) return undefined;
  return { shown, longestMs, isOver: endMs < nowMs && first + shown.length === placed.length };
}

function onDemand(session: HlsSession, stream: VideoStream): SessionFragments | undefined {
  const order = new FragmentOrder({ sequence: 1, keptMax: FRAGMENTS_MAX });
  for (const fragment of selected(session, stream).slice(0, session.fragmentsMax)) order.add(fragment);
  if (order.placed.length === 0) return undefined;
  return { shown: order.placed, longestMs: order.longestMs, isOver: true };
}

/** The fragments of the range that the stream had when the session was made; of several with one producer time the last. */
export function selected(session: HlsSession, stream: VideoStream): readonly PublishedFragment[] {
  const isWanted = selects(session);
  const found = stream.store
    .published(stream.horizonMs())
    .filter((fragment) => fragment.ordinal <= session.lastOrdinal && isWanted(fragment));
  if (session.clock === "serverMs") return found;
  const byTime = new Map<number, PublishedFragment>();
  for (const fragment of found) {
    const known = byTime.get(fragment.producerMs);
    if (known === undefined || known.begin < fragment.begin) byTime.set(fragment.producerMs, fragment);
  }
  return [...byTime.values()].sort((a, b) => a.producerMs - b.producerMs);
}

function isLive({ isBackfill }: PublishedFragment): boolean {
  return !isBackfill;
}

function selects({ clock, startMs, endMs }: HlsSession): (fragment: PublishedFragment) => boolean {
  return (fragment) => fragment[clock] >= startMs && fragment[clock] <= endMs;
}

/** The ordinal of the newest fragment. */
export function newestOrdinal(stream: VideoStream): number {
  return stream.store.published(stream.horizonMs()).at(-1)?.ordinal ?? BEGINNING;
}

/** Whether a session's URLs may lead to the fragment: a session is for a time, not for all that the stream has. */
export function mayShow(session: HlsSession, fragment: PublishedFragment): boolean {
  if (session.mode === "LIVE") return fragment.serverMs >= session.createdMs - LIVE_LOOKBACK_MS;
  return selects(session)(fragment);
}
