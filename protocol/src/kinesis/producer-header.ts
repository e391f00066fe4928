/**
 * Who sent a request and which request it was: what lets the cloud answer a repeat as it answered the first.
 * Travels as the signed header `x-headwater-producer: <id>/<spoolId>/<request number>`; AWS ignores it.
 */
export interface ProducerRequest {
  /** The producer's id; see {@link isDeviceId} for its characters. */
  readonly producer: string;
  /** UUID made with the producer's spool, lower case, so that a re-imaged disk does not look like a repeat. */
  readonly spoolId: string;
  /** 0 to 2^53 - 1, rising within the spool. */
  readonly request: number;
}

export const PRODUCER_HEADER = "x-headwater-producer";

const SHAPE = /^([A-Za-z0-9._-]{1,128})\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\/(\d{1,16})$/;

export function formatProducerHeader({ producer, spoolId, request }: ProducerRequest): string {
  return `${producer}/${spoolId}/${request}`;
}

/** Reads the header's value, or answers undefined where it is malformed. */
export function parseProducerHeader(text: string): ProducerRequest | undefined {
  const match = SHAPE.exec(text);
  const [, producer, spoolId, digits] = match ?? [];
  if (producer === undefined || spoolId === undefined || digits === undefined) return undefined;
  const request = Number(digits);
  return Number.isSafeInteger(request) ? { producer, spoolId, request } : undefined;
}
