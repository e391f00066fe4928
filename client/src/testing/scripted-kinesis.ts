import {
  evenHashKeyRanges,
  findByHashKey,
  formatSequenceNumber,
  hashPartitionKey,
  type HashKeyRange,
  parseSequenceNumber,
  readAggregate,
  type ProducerRequest,
} from "@headwater/protocol";
import { ClientError } from "../client-error.js";
import type { Clock } from "../clock.js";
import type {
  PushedPage,
  PutEntry,
  PutResult,
  RawRecord,
  ReadFrom,
  RecordPage,
  Shard,
  StreamApi,
} from "../kinesis/stream-api.js";

interface ScriptedShard extends HashKeyRange {
  readonly shardId: string;
  readonly epoch: number;
  readonly parents: readonly string[];
  readonly records: RawRecord[];
  isOpen: boolean;
  closedMs: number;
}

export type ScriptedCall = "listShards" | "shardIterator" | "getRecords" | "putRecords";

/** One stream in memory that behaves as Headwater's cloud does, but for what a test makes go wrong. */
export class ScriptedKinesis implements StreamApi {
  readonly clock: Clock;
  readonly #shards: ScriptedShard[] = [];
  readonly #answers = new Map<string, Map<number, PutResult>>();
  readonly #inFlight = new Map<string, string>();
  /** What should never be. */
  readonly violations: string[] = [];
  readonly calls: { readonly call: ScriptedCall; readonly atMs: number; readonly shardId: string }[] = [];
  /** Throws what a call fails with, before it does anything. */
  fault: (call: ScriptedCall) => void = () => undefined;
  /** Throws what a put fails with after it was done: the answer is lost. */
  afterPut: () => void = () => undefined;
  /** Of a put's entries, the index of the first that is rejected for now; with it go all after it. */
  rejectFrom: (entries: readonly PutEntry[]) => number = () => Number.POSITIVE_INFINITY;
  pageRecordsMax = 100;
  /** After which a subscription ends. */
  pushesMax = 5;
  #registrations = 1;
  putMs = 5;

  constructor(clock: Clock, shards: number) {
    this.clock = clock;
    for (const range of evenHashKeyRanges(shards)) this.#add(range, []);
  }

  get shards(): readonly ScriptedShard[] {
    return this.#shards;
  }

  get open(): ScriptedShard[] {
    return this.#shards.filter(({ isOpen }) => isOpen);
  }

  /** Everything that is stored, shard by shard. */
  get stored(): RawRecord[] {
    return this.#shards.flatMap(({ records }) => records);
  }

  put(partitionKey: string, data: string | Uint8Array, explicitHashKey?: bigint): string {
    const shard = findByHashKey(this.openByHash, explicitHashKey ?? hashPartitionKey(partitionKey));
    if (shard === undefined) throw new TypeError("no shard for the key");
    const sequenceNumber = formatSequenceNumber({ shardEpoch: shard.epoch, position: shard.records.length, index: 0 });
    shard.records.push({ sequenceNumber, partitionKey, data: Buffer.from(data), arrivedMs: this.clock.wallMs() });
    return sequenceNumber;
  }

  split(shardId: string): void {
    const shard = this.#close(shardId);
    const middle = (shard.startingHashKey + shard.endingHashKey) / 2n;
    this.#add({ startingHashKey: shard.startingHashKey, endingHashKey: middle }, [shardId]);
    this.#add({ startingHashKey: middle + 1n, endingHashKey: shard.endingHashKey }, [shardId]);
  }

  merge(lower: string, upper: string): void {
    const [{ startingHashKey }, { endingHashKey }] = [this.#close(lower), this.#close(upper)];
    this.#add({ startingHashKey, endingHashKey }, [lower, upper]);
  }

  /** As retention does with a closed shard. */
  forget(shardId: string): void {
    this.#shards.splice(this.#shards.indexOf(this.#find(shardId)), 1);
  }

  async listShards(_: string, fromMs: number | undefined, signal: AbortSignal): Promise<Shard[]> {
    await this.#call("listShards", "", signal);
    return this.#shards
      .filter(({ closedMs }) => closedMs >= (fromMs ?? 0))
      .map(({ shardId, parents, startingHashKey, endingHashKey, isOpen }) => ({
        shardId,
        parents,
        startingHashKey,
        endingHashKey,
        isOpen,
      }));
  }

  async nowMs(_: string, signal: AbortSignal): Promise<number> {
    await this.#call("listShards", "", signal);
    return this.clock.wallMs();
  }

  async shardIterator(_: string, shardId: string, from: ReadFrom, signal: AbortSignal): Promise<string> {
    await this.#call("shardIterator", shardId, signal);
    const { records, epoch } = this.#find(shardId);
    if (from.type === "TRIM_HORIZON") return `${shardId}/0`;
    if (from.type === "LATEST") return `${shardId}/${records.length}`;
    if (from.type === "AT_TIMESTAMP") {
      if (from.timestampMs > this.clock.wallMs()) throw new ClientError("refused", "a time in the future");
      const at = records.findIndex(({ arrivedMs }) => arrivedMs >= from.timestampMs);
      return `${shardId}/${at < 0 ? records.length : at}`;
    }
    if (!("sequenceNumber" in from)) throw new TypeError(from.type);
    if (from.sequenceNumber === `begin-${shardId}`) return `${shardId}/0`;
    const number = parseSequenceNumber(from.sequenceNumber);
    if (number?.shardEpoch !== epoch) throw new ClientError("refused", `no sequence number of ${shardId}`);
    return `${shardId}/${number.position + (from.type === "AT_SEQUENCE_NUMBER" ? 0 : 1)}`;
  }

  async getRecords(iterator: string, signal: AbortSignal): Promise<RecordPage> {
    const [shardId = "", at = "0"] = iterator.split("/");
    await this.#call("getRecords", shardId, signal);
    const { records, isOpen } = this.#find(shardId);
    const page = records.slice(Number(at), Number(at) + this.pageRecordsMax);
    const next = Number(at) + page.length;
    const isBehind = next < records.length;
    return {
      records: page,
      nextIterator: isBehind || isOpen ? `${shardId}/${next}` : undefined,
      behindMs: isBehind ? 1 : 0,
    };
  }

  async registerConsumer(_: string, name: string): Promise<string> {
    return Promise.resolve(`arn:${name}:${this.#registrations}`);
  }

  /** The consumer is gone; the next one has another ARN. */
  deregister(): void {
    this.#registrations++;
  }

  /** Ends after a few pushes, as a real one does after five minutes. */
  async *subscribe(
    consumerArn: string,
    shardId: string,
    from: ReadFrom,
    signal: AbortSignal,
  ): AsyncGenerator<PushedPage, void, undefined> {
    let iterator = await this.shardIterator("", shardId, from, signal);
    for (let pushes = 0; pushes < this.pushesMax; pushes++) {
      if (!consumerArn.endsWith(`:${this.#registrations}`)) throw new ClientError("not-found", "no such consumer");
      const { nextIterator, ...page } = await this.getRecords(iterator, signal);
      const [, at = "0"] = nextIterator?.split("/") ?? [];
      const position = Number(at) - 1;
      const { epoch } = this.#find(shardId);
      const continuation =
        nextIterator === undefined
          ? undefined
          : position < 0
            ? `begin-${shardId}`
            : formatSequenceNumber({ shardEpoch: epoch, position, index: 0 });
      yield { ...page, continuation };
      if (nextIterator === undefined) return;
      iterator = nextIterator;
      if (page.records.length === 0) await this.clock.sleep(50, signal);
    }
  }

  async putRecords(
    _: string,
    entries: readonly PutEntry[],
    name: ProducerRequest,
    signal: AbortSignal,
  ): Promise<PutResult[]> {
    const keys = new Set(
      entries.flatMap((entry) => readAggregate(entry.data) ?? [entry]).map((one) => one.partitionKey),
    );
    const request = String(name.request);
    for (const key of keys) if (this.#inFlight.has(key)) this.violations.push(`${key} is in flight twice`);
    for (const key of keys) this.#inFlight.set(key, request);
    try {
      await this.#call("putRecords", "", signal);
      await this.clock.sleep(this.putMs, signal);
      const answers = this.#answers.get(request) ?? new Map<number, PutResult>();
      this.#answers.set(request, answers);
      const rejectFrom = this.rejectFrom(entries);
      const results = entries.map((entry, i): PutResult => {
        const before = answers.get(i);
        if (before !== undefined) return before;
        if (i >= rejectFrom) return { errorCode: "ProvisionedThroughputExceededException", message: "slow down" };
        const { partitionKey, explicitHashKey, data } = entry;
        const hashKey = explicitHashKey === undefined ? undefined : BigInt(explicitHashKey);
        const sequenceNumber = this.put(partitionKey, data, hashKey);
        const epoch = parseSequenceNumber(sequenceNumber)?.shardEpoch;
        const shardId = this.#shards.find((shard) => shard.epoch === epoch)?.shardId ?? "";
        answers.set(i, { shardId, sequenceNumber });
        return { shardId, sequenceNumber };
      });
      this.afterPut();
      return results;
    } finally {
      for (const key of keys) this.#inFlight.delete(key);
    }
  }

  close(): void {}

  async #call(call: ScriptedCall, shardId: string, signal: AbortSignal): Promise<void> {
    this.calls.push({ call, shardId, atMs: this.clock.monotonicMs() });
    await this.clock.sleep(1, signal);
    this.fault(call);
  }

  /** Whether a record of this key counts in the shard. */
  belongs(partitionKey: string, range: HashKeyRange): boolean {
    return findByHashKey([range], hashPartitionKey(partitionKey)) !== undefined;
  }

  get openByHash(): ScriptedShard[] {
    return this.open.sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));
  }

  #add(range: HashKeyRange, parents: readonly string[]): void {
    const epoch = this.#shards.length;
    const shardId = `shardId-${String(epoch).padStart(12, "0")}`;
    this.#shards.push({ ...range, shardId, epoch, parents, records: [], isOpen: true, closedMs: Infinity });
  }

  #close(shardId: string): ScriptedShard {
    const shard = this.#find(shardId);
    shard.isOpen = false;
    shard.closedMs = this.clock.wallMs();
    return shard;
  }

  #find(shardId: string): ScriptedShard {
    const shard = this.#shards.find((one) => one.shardId === shardId);
    if (shard === undefined) throw new ClientError("not-found", `no shard ${shardId}`);
    return shard;
  }
}
