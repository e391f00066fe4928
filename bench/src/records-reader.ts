import { ResponseHead } from "./response-head.js";

/** What a load generator wants of a GetRecords answer. */
export interface RecordsResponse {
  readonly status: number;
  readonly records: number;
  /** The body's first and last bytes, in which everything stands beside the records. */
  readonly edges: string;
}

const RECORD = Buffer.from('"SequenceNumber":"');
const EDGE_BYTES = 4096;

/**
 * Counts the records of responses as they come over a connection, one at a time, and keeps none of them: gathering megabytes would
 * cost the reader more than the server takes to write them.
 */
export class RecordsReader {
  readonly #head = new ResponseHead();
  #records = 0;
  #bodyBytes = 0;
  #first = "";
  /** The last bytes so far, in which a record's name may have begun. */
  #last: Buffer = Buffer.alloc(0);

  /**
   * Takes the next bytes, of which nothing is kept; answers the response once it is whole.
   * @throws {Error} where the response has no Content-Length, or more bytes come than one response has.
   */
  push(chunk: Buffer): RecordsResponse | undefined {
    const body = this.#head.push(chunk);
    if (body === undefined) return undefined;
    const { status, bodyBytes } = this.#head;
    if (this.#first.length < EDGE_BYTES) this.#first += body.toString("latin1", 0, EDGE_BYTES - this.#first.length);
    // Where two chunks meet, a name is split; it is found whole here, and nothing that was counted before.
    const meeting = Buffer.concat([this.#last.subarray(1 - RECORD.length), body.subarray(0, RECORD.length - 1)]);
    this.#records += occurrences(meeting, RECORD) + occurrences(body, RECORD);
    this.#last = lastBytes(this.#last, body);
    this.#bodyBytes += body.length;
    if (this.#bodyBytes < bodyBytes) return undefined;
    if (this.#bodyBytes > bodyBytes) throw new Error(`${this.#bodyBytes - bodyBytes} bytes more than the response has`);
    const response = { status, records: this.#records, edges: `${this.#first}\n${this.#last.toString("latin1")}` };
    this.#head.reset();
    this.#records = 0;
    this.#bodyBytes = 0;
    this.#first = "";
    this.#last = Buffer.alloc(0);
    return response;
  }
}

/** A copy of the last bytes of both. */
function lastBytes(before: Buffer, next: Buffer): Buffer {
  if (next.length >= EDGE_BYTES) return Buffer.from(next.subarray(-EDGE_BYTES));
  return Buffer.concat([before.subarray(next.length - EDGE_BYTES), next]);
}

function occurrences(bytes: Buffer, text: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) count += 1;
  return count;
}
