import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { evenHashKeyRanges, findByHashKey, hashPartitionKey, type ProducerRequest } from "@headwater/protocol";
import {
  type EntryResult,
  type PutEntry,
  type Upstream,
  UpstreamError,
  type UpstreamShard,
} from "../uplink/upstream.js";

export interface Taken {
  readonly partitionKey: string;
  readonly data: string;
}

interface Request {
  /** Of all entries, in order. */
  readonly digest: string;
  /** The shard of each entry that was accepted. */
  readonly accepted: Map<number, string>;
}

/** What goes wrong with one call. */
export type Fault =
  | { readonly kind: "none" }
  /** No answer, and nothing was taken. */
  | { readonly kind: "lost-request" }
  /** No answer, but it was taken. */
  | { readonly kind: "lost-answer" }
  /** The entry is rejected, and with it the rest, as Headwater's cloud does; as throttled, unless told otherwise. */
  | { readonly kind: "rejected"; readonly from: number; readonly errorCode?: string };

/**
 * An upstream that recognises repeats by the producer's header, exactly as Headwater's cloud does, keeps everything that
 * it took in order, and notes what should never be: a name that stands for other bytes, two requests with one key at a
 * time, a stream that does not exist.
 */
export class ExactUpstream implements Upstream {
  readonly taken = new Map<string, Taken[]>();
  readonly violations: string[] = [];
  calls = 0;
  listings = 0;
  /** Decides what happens to a call. */
  fault: () => Fault = () => ({ kind: "none" });
  /** Every call fails with it. */
  outage: UpstreamError | undefined;
  /** A request with such a record is refused as a whole. */
  isPoison: (entry: PutEntry) => boolean = () => false;
  #shards: UpstreamShard[] = [];
  readonly #requests = new Map<string, Request>();
  readonly #keysInFlight = new Set<string>();

  constructor(shards: number) {
    this.reshard(shards);
  }

  /** Other shards from now on, with other ids. */
  reshard(count: number): void {
    const before = this.#shards.length;
    this.#shards = evenHashKeyRanges(count).map((range, i) => ({ ...range, shardId: `shard-${before}-${i}` }));
  }

  async listShards(): Promise<UpstreamShard[]> {
    this.listings++;
    await nextTurn();
    if (this.outage !== undefined) throw this.outage;
    return [...this.#shards];
  }

  async createStream(): Promise<void> {
    await nextTurn();
  }

  async putRecords(stream: string, entries: readonly PutEntry[], name: ProducerRequest): Promise<EntryResult[]> {
    this.calls++;
    const keys = [...new Set(entries.map(({ partitionKey }) => `${stream}/${partitionKey}`))];
    for (const key of keys) if (this.#keysInFlight.has(key)) this.violations.push(`${key} is in flight twice`);
    for (const key of keys) this.#keysInFlight.add(key);
    try {
      await nextTurn();
      if (this.outage !== undefined) throw this.outage;
      return this.#put(stream, entries, name);
    } finally {
      for (const key of keys) this.#keysInFlight.delete(key);
    }
  }

  #put(stream: string, entries: readonly PutEntry[], name: ProducerRequest): EntryResult[] {
    const request = this.#requestOf(`${name.producer}/${name.spoolId}/${name.request}`, entries);
    const fault = this.fault();
    if (fault.kind === "lost-request") throw new UpstreamError("unreachable", "the request was lost");
    if (entries.some(this.isPoison)) throw new UpstreamError("refused", "ValidationException: poison");
    const throttled = "ProvisionedThroughputExceededException";
    const rejectedAs = fault.kind === "rejected" ? (fault.errorCode ?? throttled) : throttled;
    let isRejecting = false;
    const results = entries.map((entry, i): EntryResult => {
      const before = request.accepted.get(i);
      if (before !== undefined) return { shardId: before };
      isRejecting ||= fault.kind === "rejected" && i >= fault.from;
      if (isRejecting) return { errorCode: rejectedAs, message: "not now" };
      const shardId = findByHashKey(this.#shards, hashPartitionKey(entry.partitionKey))?.shardId ?? "";
      request.accepted.set(i, shardId);
      const taken = this.taken.get(stream) ?? [];
      taken.push({ partitionKey: entry.partitionKey, data: Buffer.from(entry.data).toString() });
      this.taken.set(stream, taken);
      return { shardId };
    });
    if (fault.kind === "lost-answer") throw new UpstreamError("unreachable", "the answer was lost");
    return results;
  }

  #requestOf(name: string, entries: readonly PutEntry[]): Request {
    const hash = createHash("sha256");
    for (const { partitionKey, data } of entries) hash.update(`${partitionKey}\0${data.length}\0`).update(data);
    const digest = hash.digest("hex");
    const request = this.#requests.get(name) ?? { digest, accepted: new Map() };
    if (request.digest !== digest) this.violations.push(`${name} stands for other bytes than before`);
    this.#requests.set(name, request);
    return request;
  }
}
