import type { Log } from "@headwater/log";
import type { GatewayMetrics } from "../metrics.js";
import { SerialAppender } from "./serial-appender.js";

/** Why a message can never be delivered as it is; also a metric's label. */
export type DeadLetterReason =
  | "malformed-envelope"
  | "corrupt-envelope"
  | "malformed-record"
  | "malformed-piece"
  | "invalid-topic"
  | "unknown-topic"
  | "invalid-record"
  | "record-too-large"
  | "not-allowed"
  | "too-many-streams"
  | "refused-upstream";

export interface DeadLetter {
  readonly reason: DeadLetterReason;
  /** For a person: what exactly is wrong. */
  readonly detail: string;
  readonly device?: string | undefined;
  readonly topic?: string | undefined;
  readonly stream?: string | undefined;
  readonly partitionKey?: string | undefined;
  /** As it came. */
  readonly payload: Uint8Array;
}

export const DEAD_LETTER_SHARD = "dead-letters";
const TEXT_CHARACTERS_MAX = 1024;

/**
 * Messages that can never be delivered, kept with their reason so that they block nobody and are not lost silently.
 * A frame is the length of a JSON object (4 bytes, little-endian), the object, and the payload. Bounded in bytes: the
 * oldest go first. A message that is sent twice is kept twice.
 */
export class DeadLetters {
  readonly #log: Log;
  readonly #appender: SerialAppender;
  readonly #bytesMax: number;
  readonly #metrics: GatewayMetrics;
  readonly #onTrouble: (error: unknown) => void;
  #isTrimming = false;
  #added = 0;

  constructor(log: Log, bytesMax: number, metrics: GatewayMetrics, onTrouble: (error: unknown) => void) {
    this.#log = log;
    this.#appender = new SerialAppender(log, DEAD_LETTER_SHARD);
    this.#bytesMax = bytesMax;
    this.#metrics = metrics;
    this.#onTrouble = onTrouble;
  }

  /** Since the start. */
  get added(): number {
    return this.#added;
  }

  /** Keeps a message; it is on disk when this resolves. @throws {LogError} */
  async add({ reason, payload, ...about }: DeadLetter): Promise<void> {
    const texts = Object.entries({ reason, ...about }).map(([key, text]) => [key, text?.slice(0, TEXT_CHARACTERS_MAX)]);
    const json = Buffer.from(JSON.stringify({ v: 1, ...(Object.fromEntries(texts) as object) }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    const bytes = length.length + json.length + payload.length;
    await this.#appender.append([{ data: [length, json, payload] }], bytes, () => {
      this.#added++;
      this.#metrics.deadLetters.inc({ reason });
    });
    if (!this.#isTrimming && this.#log.bounds(DEAD_LETTER_SHARD).bytes > this.#bytesMax) {
      this.#isTrimming = true;
      this.#makeRoom()
        .catch(this.#onTrouble)
        .finally(() => {
          this.#isTrimming = false;
        });
    }
  }

  /** Forgets the oldest tenth. */
  async #makeRoom(): Promise<void> {
    const { first, bytes } = this.#log.bounds(DEAD_LETTER_SHARD);
    let excess = bytes - this.#bytesMax * 0.9;
    let position = first;
    while (excess > 0) {
      const { frames, next } = await this.#log.read(DEAD_LETTER_SHARD, position, { frames: 1000, bytes: 1 << 20 });
      if (frames.length === 0) break;
      for (const { data } of frames) excess -= data.length;
      this.#metrics.deadLettersExpired.inc(frames.length);
      position = next;
    }
    await this.#log.trimBefore(DEAD_LETTER_SHARD, position);
  }
}
