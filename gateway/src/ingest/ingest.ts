import {
  decodeRecord,
  decodeRecordsEnvelope,
  encodeRecord,
  parseTopic,
  UplinkError,
  type RecordsEnvelope,
} from "@headwater/protocol";
import type { DeviceRegistry } from "../devices/device-registry.js";
import { Refusal, type RefusalCode } from "../gateway-error.js";
import type { Session } from "../listener/session.js";
import type { GatewayMetrics } from "../metrics.js";
import type { VideoIngest } from "../video/video-ingest.js";
import type { DeadLetter, DeadLetters } from "../spool/dead-letters.js";
import type { Spool } from "../spool/spool.js";
import { encodeSpoolEntry } from "../spool/spool-frame.js";
import type { SequencedItem } from "../spool/stream-spool.js";
import { isAllowed } from "./permission.js";
import { putAside } from "./put-aside.js";
import { problemOf } from "./validate-record.js";

/**
 * Takes a message from the listener to the disk. What resolves is synced; what can never be delivered is put aside and
 * taken too, so that it blocks nobody; what cannot be taken now is refused, and the sender keeps it.
 */
export class Ingest {
  readonly #spool: Spool;
  readonly #video: VideoIngest;
  readonly #deadLetters: DeadLetters;
  readonly #devices: DeviceRegistry;
  readonly #metrics: GatewayMetrics;
  readonly #clock: { now(): number };

  constructor(parts: {
    readonly spool: Spool;
    readonly video: VideoIngest;
    readonly deadLetters: DeadLetters;
    readonly devices: DeviceRegistry;
    readonly metrics: GatewayMetrics;
    readonly clock: { now(): number };
  }) {
    this.#spool = parts.spool;
    this.#video = parts.video;
    this.#deadLetters = parts.deadLetters;
    this.#devices = parts.devices;
    this.#metrics = parts.metrics;
    this.#clock = parts.clock;
  }

  /**
   * Takes its place in the order of the session's messages before it returns.
   * @throws {Refusal} The session has failed then: nothing that it sends later is taken.
   */
  async publish(session: Session, topic: string, payload: Buffer): Promise<void> {
    if (session.failure !== undefined) throw session.failure;
    const end = this.#metrics.commitSeconds.startTimer();
    if (topic.startsWith("$")) refuse(session, "reserved-topic", `${topic} is reserved`);
    const parsed = parseTopic(topic);
    if (parsed?.kind === "status" || parsed?.kind === "records" || parsed?.kind === "video") {
      if (parsed.device !== session.device) {
        refuse(session, "not-own-device", `${session.device ?? session.clientId} may not publish as ${parsed.device}`);
      }
      if (parsed.kind === "status") return this.#status(session, payload);
      const take = parsed.kind === "video" ? this.#video.publish.bind(this.#video) : this.#envelope.bind(this);
      await take(session, parsed.device, topic, payload);
    } else {
      // As the envelopes' records are looked at: with the key as it is, however the topic spells it.
      const spelled = parsed?.kind === "stream" ? `streams/${parsed.stream}/${parsed.partitionKey}` : topic;
      if (!isAllowed(session, spelled)) refuse(session, "not-authorized", `may not publish to ${topic}`);
      if (parsed?.kind === "stream") {
        await this.#plain(session, topic, payload, parsed.stream, parsed.partitionKey);
      } else {
        const reason = parsed === undefined ? "unknown-topic" : "invalid-topic";
        const detail = parsed === undefined ? "no rule for this topic" : parsed.reason;
        await this.#putAside(session, { reason, detail, topic, payload, device: session.device });
      }
    }
    end();
  }

  #status(session: Session, payload: Buffer): void {
    if (!this.#devices.reported(session, payload)) this.#metrics.publishesRefused.inc({ cause: "malformed-status" });
  }

  async #plain(session: Session, topic: string, payload: Buffer, stream: string, partitionKey: string): Promise<void> {
    const problem = problemOf({ stream, partitionKey, data: payload, boot: 0, monotonicMs: 0 });
    if (problem !== undefined) {
      return this.#putAside(session, { ...problem, topic, stream, payload, device: session.device });
    }
    if (!this.#spool.hasPlaceFor(stream)) {
      const detail = "the gateway keeps no more streams";
      return this.#putAside(session, { reason: "too-many-streams", detail, topic, stream, payload });
    }
    const record = encodeRecord({ stream, partitionKey, data: payload, boot: 0, monotonicMs: 0 });
    const captureMs = this.#clock.now();
    const item = encodeSpoolEntry({ captureMs, clockUnsynchronised: false, isArrivalTime: true, record });
    await this.#spool.room.admit(session, record.length, () =>
      this.#spool.withStream(session, stream, (spool) => spool.accept(session, item)),
    );
  }

  async #envelope(session: Session, device: string, topic: string, payload: Buffer): Promise<void> {
    let envelope: RecordsEnvelope;
    let sorted: Sorted;
    try {
      envelope = decodeRecordsEnvelope(payload);
      sorted = this.#sort(session, device, topic, envelope);
    } catch (error) {
      return this.#malformed(session, { device, topic, payload }, error);
    }
    const { byStream, deadLetters } = sorted;
    const lane = { device, spoolId: envelope.spoolId, lane: envelope.lane };
    let repeated = 0;
    await this.#spool.room.admit(session, payload.length, async () => {
      // Everything is queued in this turn, so that envelopes keep their order.
      const stored = [...byStream].map(([stream, entries]) =>
        this.#spool.withStream(session, stream, async (spool) => {
          const { repeats } = await spool.acceptSequenced(session, lane, entries);
          repeated += repeats;
        }),
      );
      const letters = deadLetters.map((letter) => putAside(this.#deadLetters, session, letter));
      await settled([...stored, ...letters]);
    });
    this.#metrics.recordsRepeated.inc(repeated);
    const records = envelope.entries.length - deadLetters.length - repeated;
    this.#devices.committed(session, { records, bytes: payload.length });
  }

  /** Splits an envelope by stream, and takes out what can never be delivered. */
  #sort(session: Session, device: string, topic: string, { entries }: RecordsEnvelope): Sorted {
    const byStream = new Map<string, SequencedItem[]>();
    const deadLetters: DeadLetter[] = [];
    for (const entry of entries) {
      const aside = (letter: Pick<DeadLetter, "reason" | "detail" | "stream">): void => {
        deadLetters.push({ ...letter, device, topic, payload: entry.record });
      };
      const record = decoded(entry.record);
      if (record instanceof UplinkError) {
        aside({ reason: "malformed-record", detail: record.message });
        continue;
      }
      const { stream, partitionKey } = record;
      const problem = problemOf(record);
      if (problem !== undefined) aside({ ...problem, stream });
      else if (!isAllowed(session, `streams/${stream}/${partitionKey}`)) {
        aside({ reason: "not-allowed", detail: "no topic filter of the user allows it", stream });
      } else if (!this.#spool.hasPlaceFor(stream)) {
        aside({ reason: "too-many-streams", detail: "the gateway keeps no more streams", stream });
      } else {
        const list = byStream.get(stream) ?? [];
        list.push({ sequence: entry.sequence, ...encodeSpoolEntry({ ...entry, isArrivalTime: false }) });
        byStream.set(stream, list);
      }
    }
    return { byStream, deadLetters };
  }

  async #malformed(
    session: Session,
    about: Pick<DeadLetter, "device" | "topic" | "payload">,
    error: unknown,
  ): Promise<void> {
    if (!(error instanceof UplinkError)) throw error;
    const { code, message: detail } = error;
    // A newer gateway will understand it: the device keeps it until then.
    if (code === "unsupported-version") refuse(session, "unsupported-version", detail);
    const reason = code === "field-too-long" ? "malformed-record" : code;
    await this.#putAside(session, { ...about, reason, detail });
  }

  /** Needs room as everything else: what the disk has left when it is low is for emptying the spool. */
  #putAside(session: Session, letter: DeadLetter): Promise<void> {
    return this.#spool.room.admit(session, letter.payload.length, () => putAside(this.#deadLetters, session, letter));
  }
}

/** In the same turn: the session's next message may be handed over before a promise is heard of. */
function refuse(session: Session, code: RefusalCode, message: string): never {
  const refusal = new Refusal(code, message);
  session.fail(refusal);
  throw refusal;
}

interface Sorted {
  readonly byStream: ReadonlyMap<string, SequencedItem[]>;
  readonly deadLetters: readonly DeadLetter[];
}

function decoded(bytes: Uint8Array): ReturnType<typeof decodeRecord> | UplinkError {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (error instanceof UplinkError && error.code !== "unsupported-version") return error;
    throw error;
  }
}

/** Waits for all of them, then fails if one has: none goes on unobserved. */
async function settled(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
