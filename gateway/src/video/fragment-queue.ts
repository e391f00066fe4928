import type { StoredFrame } from "@headwater/log";
import { decodePiece, lanes } from "@headwater/protocol";
import type { Lane } from "../spool/watermarks.js";
import { Changed } from "../uplink/changed.js";
import { type FragmentId, keyOfFragment, keyOfLane } from "./fragment-id.js";
import { decodeNote, type FragmentOutcome } from "./fragment-note.js";

/** A fragment that lies in the spool. */
export interface QueuedFragment {
  readonly id: FragmentId;
  readonly producerMs: number;
  /** When its first piece was committed, ms since 1970. */
  readonly arrivalMs: number;
  readonly firstPosition: number;
  /** Of the newest piece. */
  readonly lastPosition: number;
  /** When its newest piece was committed. */
  readonly lastArrivalMs: number;
  /** Pieces there, from the first on without a gap. */
  readonly pieces: number;
  /** Nothing more comes. */
  readonly isComplete: boolean;
  /** How often it was begun to be sent. */
  readonly attempts: number;
}

type Mutable = { -readonly [K in keyof QueuedFragment]: QueuedFragment[K] } & {
  state: "waiting" | "sending" | "settled";
  isBackfill: boolean;
  /** Calls that ended within it while others were taken; see {@link FragmentQueue.brokeWithin}. */
  breaks: number;
  persistedAtBreak: number;
};

/** A device that nothing has come of for so long, while others send, does not go on with its fragment. */
const GONE_MS = 3_600_000;
/** A live fragment that has waited longer goes by backfill, unless it is the newest. */
export const LIVE_MS_MAX = 5_000;

/**
 * The fragments of one stream that lie in its shard, as their pieces and notes are read in order; what goes next in which
 * lane, and up to where the shard may be forgotten. See docs/design/video.md, invariant 6.
 */
export class FragmentQueue {
  /** A piece came, or a fragment ended, was given back or settled. */
  readonly changed = new Changed();
  /** By key, in the order of their first pieces. */
  readonly #fragments = new Map<string, Mutable>();
  /** The fragment that each device's lane is in. */
  readonly #open = new Map<string, Mutable>();
  /** When each device's newest piece was committed. */
  readonly #heardMs = new Map<string, number>();
  readonly #onStray: () => void;
  #newestLive: Mutable | undefined;
  /** How many were, since the start. */
  #persisted = 0;
  #cursor: number;

  /**
   * @param cursor the first position to be read.
   * @param onStray a piece belongs to no fragment that is waiting.
   */
  constructor(cursor: number, onStray: () => void) {
    this.#cursor = cursor;
    this.#onStray = onStray;
  }

  /** The position to read from next. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Fragments that are not dealt with. */
  get waiting(): number {
    let waiting = 0;
    for (const { state } of this.#fragments.values()) if (state !== "settled") waiting++;
    return waiting;
  }

  /** Takes what was read of the shard, in order. @param next the position to read from then. */
  take(frames: readonly StoredFrame[], next: number): void {
    for (const frame of frames) this.#takeOne(frame);
    this.#cursor = next;
    this.changed.notify();
  }

  /**
   * The next fragment of the live lane, whether complete or not: the oldest that is not late, or the newest. None while
   * that does not go on, such as the last of a device that left.
   */
  nextLive(nowMs: number): QueuedFragment | undefined {
    for (const fragment of this.#fragments.values()) {
      if (fragment.state !== "waiting" || fragment.isBackfill) continue;
      const isLate = nowMs - fragment.arrivalMs > LIVE_MS_MAX && fragment !== this.#newestLive;
      if (!isLate) {
        if (isSilent(fragment, nowMs)) continue;
        return fragment;
      }
      fragment.isBackfill = true;
      this.changed.notify();
    }
    return undefined;
  }

  /**
   * The complete fragment of the backfill lane with the lowest time.
   * @param passedOver only where there is no other.
   */
  nextBackfill(passedOver?: QueuedFragment): QueuedFragment | undefined {
    let oldest: Mutable | undefined;
    for (const fragment of this.#fragments.values()) {
      if (fragment.state !== "waiting" || !fragment.isBackfill || !fragment.isComplete) continue;
      if (oldest === undefined || oldest === passedOver) oldest = fragment;
      else if (fragment !== passedOver && fragment.producerMs < oldest.producerMs) oldest = fragment;
    }
    return oldest;
  }

  /** Whether it holds up newer ones: no piece came for long, though others' do. */
  isStalled({ id }: QueuedFragment, nowMs: number): boolean {
    const fragment = this.#get(id);
    return isSilent(fragment, nowMs) && !fragment.isBackfill && fragment !== this.#newestLive;
  }

  /** Its bytes go out. */
  begin({ id }: QueuedFragment): void {
    const fragment = this.#get(id);
    fragment.state = "sending";
    fragment.attempts++;
  }

  /** It is to be sent from its start. */
  giveBack({ id }: QueuedFragment): void {
    const fragment = this.#get(id);
    if (fragment.state !== "sending") return;
    fragment.state = "waiting";
    this.changed.notify();
  }

  /**
   * The call that it went in ended within it.
   * @returns how often that has happened, counted only where another fragment was persisted since the time before: where
   * nothing is taken, no fragment is to blame.
   */
  brokeWithin({ id }: QueuedFragment): number {
    const fragment = this.#get(id);
    if (fragment.breaks === 0 || this.#persisted > fragment.persistedAtBreak) fragment.breaks++;
    fragment.persistedAtBreak = this.#persisted;
    return fragment.breaks;
  }

  /** It is dealt with, and that is noted on disk. */
  settle({ id }: QueuedFragment, outcome: FragmentOutcome): void {
    if (outcome === "persisted") this.#persisted++;
    this.#settle(this.#fragments.get(keyOfFragment(id)));
    this.changed.notify();
  }

  /** Everything before this position is dealt with. Forgets fragments that lie before it. */
  released(): number {
    let released = this.#cursor;
    for (const { state, firstPosition } of this.#fragments.values()) {
      if (state !== "settled") released = Math.min(released, firstPosition);
    }
    for (const [key, { state, isComplete, lastPosition }] of this.#fragments) {
      if (state === "settled" && isComplete && lastPosition < released) this.#fragments.delete(key);
    }
    return released;
  }

  #takeOne({ position, arrivalMs, origin, data }: StoredFrame): void {
    if (origin === undefined) {
      this.#settle(this.#fragments.get(keyOfFragment(decodeNote(data))));
      return;
    }
    const lane = { device: origin.producer, spoolId: origin.spoolId, lane: origin.entry };
    const { fragment: number, index, isLast, producerMs } = decodePiece(data);
    const laneKey = keyOfLane(lane);
    const open = this.#open.get(laneKey);
    if (open !== undefined && open.id.fragment !== number) this.#end(laneKey, open);
    const id: FragmentId = { ...lane, fragment: number };
    const key = keyOfFragment(id);
    let fragment = this.#fragments.get(key);
    this.#heardMs.set(lane.device, arrivalMs);
    if (fragment === undefined && index === 0) {
      this.#endAbandoned(lane, arrivalMs);
      fragment = {
        id,
        producerMs,
        arrivalMs,
        lastArrivalMs: arrivalMs,
        firstPosition: position,
        lastPosition: position,
        pieces: 0,
        isComplete: false,
        attempts: 0,
        state: "waiting",
        isBackfill: lane.lane === lanes.videoBackfill,
        breaks: 0,
        persistedAtBreak: 0,
      };
      this.#fragments.set(key, fragment);
      this.#open.set(laneKey, fragment);
      if (!fragment.isBackfill) this.#newestLive = fragment;
    }
    if (fragment === undefined || fragment.isComplete || fragment.pieces !== index) {
      this.#onStray();
      return;
    }
    fragment.pieces++;
    fragment.lastPosition = position;
    fragment.lastArrivalMs = arrivalMs;
    if (isLast) this.#end(laneKey, fragment);
  }

  /** What a device left for good: nobody would end it, and the shard could be forgotten no further. */
  #endAbandoned({ device, spoolId }: Lane, nowMs: number): void {
    for (const [laneKey, fragment] of this.#open) {
      const { id } = fragment;
      const isReplaced = id.device === device && id.spoolId !== spoolId;
      if (isReplaced || nowMs - (this.#heardMs.get(id.device) ?? nowMs) > GONE_MS) this.#end(laneKey, fragment);
    }
  }

  #end(laneKey: string, fragment: Mutable): void {
    fragment.isComplete = true;
    this.#open.delete(laneKey);
  }

  #settle(fragment: Mutable | undefined): void {
    if (fragment !== undefined) fragment.state = "settled";
  }

  #get(id: FragmentId): Mutable {
    const fragment = this.#fragments.get(keyOfFragment(id));
    if (fragment === undefined) throw new TypeError(`fragment ${keyOfFragment(id)} is not queued`);
    return fragment;
  }
}

/** Whether more is to come of it, and did not for long. */
function isSilent({ isComplete, lastArrivalMs }: QueuedFragment, nowMs: number): boolean {
  return !isComplete && nowMs - lastArrivalMs > LIVE_MS_MAX;
}
