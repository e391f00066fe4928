import { encodeRecord, encodeRecordsEnvelope, recordsTopic } from "@headwater/protocol";
import { Refusal } from "../gateway-error.js";
import type { Ingest } from "../ingest/ingest.js";
import { Session } from "../listener/session.js";

export interface DeviceRecord {
  readonly stream: string;
  readonly partitionKey: string;
  readonly data: string;
}

/** A device that keeps its records until they are acknowledged, and sends them again on every new connection. */
export class SpooledDevice {
  readonly #id: string;
  readonly #spoolId: string;
  readonly #records: readonly DeviceRecord[];
  readonly #acknowledged: boolean[];

  constructor(id: string, spoolId: string, records: readonly DeviceRecord[]) {
    this.#id = id;
    this.#spoolId = spoolId;
    this.#records = records;
    this.#acknowledged = records.map(() => false);
  }

  /** The first record that is not acknowledged; their number where all are. */
  get first(): number {
    const first = this.#acknowledged.indexOf(false);
    return first === -1 ? this.#records.length : first;
  }

  get isDone(): boolean {
    return this.first === this.#records.length;
  }

  /**
   * One connection: sends what is not acknowledged without waiting in between, until all of it has an answer.
   * @param envelopeRecords how many records the next envelope takes, 1 or more.
   */
  async connect(ingest: Ingest, envelopeRecords: () => number): Promise<void> {
    const session = new Session(this.#id, this.#id, undefined);
    const answers: Promise<void>[] = [];
    for (let from = this.first; from < this.#records.length;) {
      const to = Math.min(this.#records.length, from + envelopeRecords());
      answers.push(this.#publish(ingest, session, from, to));
      from = to;
    }
    await Promise.all(answers);
  }

  async #publish(ingest: Ingest, session: Session, from: number, to: number): Promise<void> {
    const entries = this.#records.slice(from, to).map(({ stream, partitionKey, data }, i) => ({
      sequence: from + i,
      captureMs: 1,
      clockUnsynchronised: false,
      record: encodeRecord({ stream, partitionKey, boot: 1, monotonicMs: 0, data: Buffer.from(data) }),
    }));
    const payload = encodeRecordsEnvelope({ spoolId: this.#spoolId, lane: 0, entries });
    try {
      await ingest.publish(session, recordsTopic(this.#id), payload);
      this.#acknowledged.fill(true, from, to);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
}
