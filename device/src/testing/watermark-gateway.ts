import { decodeRecord, decodeRecordsEnvelope } from "@headwater/protocol";

export interface Delivery {
  readonly stream: string;
  readonly data: string;
  readonly sequence: number;
  readonly captureMs: number;
}

/**
 * What a gateway does with envelopes: keeps what is above the watermark of its spool and stream, and takes the rest for
 * repeats. It holds repeats to what they must be: the same bytes at the same time as the first.
 */
export class WatermarkGateway {
  /** What was kept, in order of arrival. */
  readonly kept: Delivery[] = [];
  repeats = 0;
  /** What a correct device never sends. */
  readonly faults: string[] = [];
  readonly #watermarks = new Map<string, number>();
  readonly #seen = new Map<string, string>();

  take(payload: Uint8Array): void {
    const { spoolId, entries } = decodeRecordsEnvelope(payload);
    for (const { sequence, captureMs, record } of entries) {
      const { stream, data } = decodeRecord(record);
      const lane = `${spoolId}/${stream}`;
      const identity = `${lane}/${sequence}`;
      const content = `${captureMs} ${Buffer.from(record).toString("base64")}`;
      const first = this.#seen.get(identity);
      if (first !== undefined && first !== content) this.faults.push(`${identity} came again as something else`);
      if (sequence > (this.#watermarks.get(lane) ?? 0)) {
        this.#watermarks.set(lane, sequence);
        this.#seen.set(identity, content);
        this.kept.push({ stream, sequence, captureMs, data: Buffer.from(data).toString() });
      } else {
        if (first === undefined) this.faults.push(`${identity} is new, but below the watermark`);
        this.repeats++;
      }
    }
  }
}
