import type { Log, StoredFrame } from "@headwater/log";
import { captureOf, encodeRecordsEnvelope, lanes } from "@headwater/protocol";
import type { CaptureClock } from "../clock/capture-clock.js";

/** Records on their way to the gateway as one message. */
export interface Envelope {
  /** An encoded `RecordsEnvelope`. */
  readonly payload: Buffer;
  readonly records: number;
  /** The position after its last record. */
  readonly next: number;
}

/** Together at most 128 KiB with the entries' headers; a record larger than that goes alone. */
const LIMITS = { frames: 1024, bytes: 96 * 1024 };

/**
 * Reads the next records of the spool into an envelope, waiting until there are some and until their capture times
 * stand. Answers `undefined` when the signal aborts.
 * @param skipped hears that there is nothing to send before a position: what was there is damaged or given up.
 */
export async function readEnvelope(
  log: Log,
  shard: string,
  from: number,
  captureClock: CaptureClock,
  skipped: (to: number) => void,
  signal: AbortSignal,
): Promise<Envelope | undefined> {
  let position = from;
  let frames: readonly StoredFrame[] = [];
  while (frames.length === 0) {
    await log.grown(shard, position, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) return undefined;
    const read = await log.read(shard, position, LIMITS);
    frames = ofOneSpool(read.frames);
    position = read.next;
    if (frames.length === 0) skipped(position);
  }
  const captures = frames.map(({ data }) => captureOf(data));
  const times = await captureClock.timesToSend(captures, signal);
  if (signal.aborted) return undefined;
  const entries = frames.map(({ data, origin, arrivalMs }, i) => ({
    sequence: originOf(origin).request,
    // A boot that is forgotten leaves the time at which the record reached the spool, by the clock of then.
    ...(times[i] ?? { captureMs: arrivalMs, clockUnsynchronised: true }),
    record: data,
  }));
  const { spoolId } = originOf(frames[0]?.origin);
  const payload = encodeRecordsEnvelope({ spoolId, lane: lanes.recordsLive, entries });
  return { payload, records: frames.length, next: (frames.at(-1)?.position ?? position) + 1 };
}

/** The first frames that share their spool id: a spool that was damaged holds records of two identities. */
function ofOneSpool(frames: readonly StoredFrame[]): readonly StoredFrame[] {
  const end = frames.findIndex(({ origin }) => origin?.spoolId !== frames[0]?.origin?.spoolId);
  return end === -1 ? frames : frames.slice(0, end);
}

function originOf(origin: StoredFrame["origin"]): NonNullable<StoredFrame["origin"]> {
  if (origin === undefined) throw new TypeError("a record in the spool has no identity");
  return origin;
}
