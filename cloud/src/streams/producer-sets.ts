import { decode, encode } from "cborg";
import type { ProducerRequest } from "@headwater/protocol";

/** What tells a shard from all others, now and ever. */
export interface ShardName {
  readonly number: number;
  readonly epoch: number;
}

/** Where an accepted entry lies: in the shard itself or, where it was put before a reshard, in an ancestor. */
export interface StoredEntry {
  readonly shard: ShardName;
  readonly position: number;
}

/** Entries of one request that were accepted by one append: entry `entries[i]` lies at `position + i`. */
interface Run {
  readonly shard: ShardName;
  readonly position: number;
  readonly entries: Uint16Array;
}

/** What a shard remembers of one producer. */
interface Window {
  readonly producer: string;
  readonly spoolId: string;
  /** Accepted entries by request number, for the last requests. */
  readonly requests: Map<number, Run[]>;
  /** The highest request number that was forgotten, or -1: up to here, an unknown request may be a repeat. */
  floor: number;
  bytes: number;
}

export interface ProducerSetsLimits {
  /** Requests remembered for each producer. */
  readonly requestsMax: number;
  /**
   * Memory for all producers; beyond it, the least recently used ones first keep only their newest requests, and if
   * that is not enough, only their highest number.
   */
  readonly bytesMax: number;
  /** Producers of whom only the highest number is kept; the least recently used goes first. */
  readonly floorsMax: number;
}

/** Format 1 had no shards' names: all runs lay in the shard itself. */
const FORMAT = 2;
const WINDOW_BYTES = 400;
const REQUEST_BYTES = 160;
const RUN_BYTES = 120;
/** Requests that a producer keeps under pressure: more than one that retries has under way in a shard. */
const NEWEST_REQUESTS = 16;

/**
 * Which requests of which producers a shard has stored, so that a repeat is recognised and answered as the first was.
 * Exact within the last requests of each producer; what is older is known to be older, never taken for new.
 * See docs/design/producers-and-repeats.md.
 */
export class ProducerSets {
  /** Least recently used first. */
  readonly #windows = new Map<string, Window>();
  readonly #floors = new Map<string, number>();
  /** Whether what the shard's ancestors knew is in it, so that they are not needed any more. */
  isWhole = false;
  readonly #shard: ShardName;
  readonly #limits: ProducerSetsLimits;
  #bytes = 0;

  /** @param shard whose sets these are, and where whatever is recorded lies. */
  constructor(shard: ShardName, limits: ProducerSetsLimits) {
    this.#shard = shard;
    this.#limits = limits;
  }

  /**
   * Where the entries lie that were accepted, by entry number; empty for a new request, undefined for one that is older
   * than all that is remembered.
   */
  accepted({ producer, spoolId, request }: ProducerRequest): ReadonlyMap<number, StoredEntry> | undefined {
    const key = keyOf(producer, spoolId);
    const window = this.#windows.get(key);
    const runs = window?.requests.get(request);
    if (runs === undefined) {
      return request <= (window?.floor ?? this.#floors.get(key) ?? -1) ? undefined : new Map();
    }
    const places = new Map<number, StoredEntry>();
    for (const { shard, position, entries } of runs) {
      entries.forEach((entry, i) => places.set(entry, { shard, position: position + i }));
    }
    return places;
  }

  /** Notes that the entries were stored from `position` on, without gaps. */
  record({ producer, spoolId, request }: ProducerRequest, entries: readonly number[], position: number): void {
    const window = this.#touch(producer, spoolId);
    this.#add(window, request, { shard: this.#shard, position, entries: Uint16Array.from(entries) });
    if (window.requests.size > this.#limits.requestsMax) this.#forget(window, Math.min(...window.requests.keys()));
    this.#evict();
  }

  /** Takes over what an ancestor knows. A request that either may have forgotten is forgotten. */
  inherit(ancestor: ProducerSets): void {
    for (const [key, floor] of ancestor.#floors) {
      const window = this.#windows.get(key);
      if (window === undefined) this.#floors.set(key, Math.max(floor, this.#floors.get(key) ?? -1));
      else this.#raiseFloor(window, floor);
    }
    for (const window of ancestor.#windows.values()) this.#adopt(window);
    this.#evict();
  }

  /** Everything, as bytes for the shard's state. */
  encode(): Uint8Array {
    const shards = new Map<number, { readonly index: number; readonly shard: ShardName }>();
    const indexOf = (shard: ShardName): number => {
      const known = shards.get(shard.epoch) ?? { index: shards.size, shard };
      shards.set(shard.epoch, known);
      return known.index;
    };
    const windows = [...this.#windows.values()].map(({ producer, spoolId, floor, requests }) => [
      producer,
      spoolId,
      floor,
      [...requests].map(([request, runs]) => [
        request,
        runs.map(({ shard, position, entries }) => [position, toBytes(entries), indexOf(shard)]),
      ]),
    ]);
    const names = [...shards.values()].map(({ shard }) => [shard.number, shard.epoch]);
    return encode([FORMAT, windows, [...this.#floors], names, this.isWhole]);
  }

  /** @throws {Error} where the bytes are of another format or damaged. */
  static decode(bytes: Uint8Array, shard: ShardName, limits: ProducerSetsLimits): ProducerSets {
    const [format, windows, floors, names = [], isWhole = false] = decode(bytes) as Encoded;
    if (format > FORMAT) throw new Error(`producer sets have format ${format}, known is ${FORMAT}`);
    const shards = names.map(([number, epoch]): ShardName => ({ number, epoch }));
    const sets = new ProducerSets(shard, limits);
    sets.isWhole = isWhole;
    for (const [key, floor] of floors) sets.#floors.set(key, floor);
    for (const [producer, spoolId, floor, requests] of windows) {
      const window = sets.#touch(producer, spoolId);
      window.floor = floor;
      for (const [request, runs] of requests) {
        for (const [position, entries, index = -1] of runs) {
          sets.#add(window, request, { shard: shards[index] ?? shard, position, entries: fromBytes(entries) });
        }
      }
    }
    return sets;
  }

  #add(window: Window, request: number, run: Run): void {
    const runs = window.requests.get(request);
    if (runs === undefined) {
      window.requests.set(request, [run]);
      this.#grow(window, REQUEST_BYTES);
    } else {
      runs.push(run);
    }
    this.#grow(window, RUN_BYTES + run.entries.length * 2);
  }

  #adopt(from: Window): void {
    const window = this.#touch(from.producer, from.spoolId);
    for (const [request, runs] of from.requests) {
      const known = window.requests.get(request) ?? [];
      for (const run of runs) {
        // What two parents have from an ancestor of both is the same.
        if (!known.some(({ shard, position }) => shard.epoch === run.shard.epoch && position === run.position)) {
          this.#add(window, request, run);
        }
      }
    }
    this.#raiseFloor(window, from.floor);
    const rising = [...window.requests.keys()].sort((a, b) => a - b);
    for (const request of rising.slice(0, Math.max(0, rising.length - this.#limits.requestsMax))) {
      this.#forget(window, request);
    }
  }

  /** What is not above the floor is not remembered in part either. */
  #raiseFloor(window: Window, floor: number): void {
    window.floor = Math.max(window.floor, floor);
    for (const request of window.requests.keys()) {
      if (request <= window.floor) this.#forget(window, request);
    }
  }

  /** The producer's window, new if need be, now the most recently used. */
  #touch(producer: string, spoolId: string): Window {
    const key = keyOf(producer, spoolId);
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { producer, spoolId, requests: new Map(), floor: this.#floors.get(key) ?? -1, bytes: 0 };
      this.#floors.delete(key);
      this.#grow(window, WINDOW_BYTES);
    } else {
      this.#windows.delete(key);
    }
    this.#windows.set(key, window);
    return window;
  }

  #forget(window: Window, request: number): void {
    const runs = window.requests.get(request) ?? [];
    window.requests.delete(request);
    window.floor = Math.max(window.floor, request);
    this.#grow(window, -REQUEST_BYTES - runs.reduce((sum, { entries }) => sum + RUN_BYTES + entries.length * 2, 0));
  }

  #evict(): void {
    for (const window of this.#windows.values()) {
      if (this.#bytes <= this.#limits.bytesMax) break;
      if (window.requests.size <= NEWEST_REQUESTS) continue;
      const rising = [...window.requests.keys()].sort((a, b) => a - b);
      for (const request of rising.slice(0, -NEWEST_REQUESTS)) this.#forget(window, request);
    }
    // The window in use stays, even if it alone is over the limit: it is bounded by its requests.
    for (const [key, window] of this.#windows) {
      if (this.#bytes <= this.#limits.bytesMax || this.#windows.size === 1) break;
      this.#windows.delete(key);
      this.#bytes -= window.bytes;
      this.#floors.set(key, Math.max(window.floor, ...window.requests.keys()));
    }
    for (const key of this.#floors.keys()) {
      if (this.#floors.size <= this.#limits.floorsMax) break;
      this.#floors.delete(key);
    }
  }

  #grow(window: Window, bytes: number): void {
    window.bytes += bytes;
    this.#bytes += bytes;
  }
}

type EncodedWindow = [string, string, number, [number, [number, Uint8Array, number?][]][]];
type Encoded = [number, EncodedWindow[], [string, number][], [number, number][]?, boolean?];

function keyOf(producer: string, spoolId: string): string {
  return `${producer}/${spoolId}`;
}

/** Big endian, whatever the machine. */
function toBytes(entries: Uint16Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(entries.length * 2);
  entries.forEach((entry, i) => bytes.writeUInt16BE(entry, i * 2));
  return bytes;
}

function fromBytes(bytes: Uint8Array): Uint16Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.readUInt16BE(i * 2));
}
