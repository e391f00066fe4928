/** What PutMedia answers while the body is still on its way. @see Kinesis Video Streams API Reference, PutMedia */
export type Ack = FragmentAck | ErrorAck | IdleAck;

/** BUFFERING: its first bytes are there. RECEIVED: it is complete. PERSISTED: it survives; forget it. */
export interface FragmentAck {
  readonly event: "BUFFERING" | "RECEIVED" | "PERSISTED";
  /** As the producer sent it: its Cluster's timecode in milliseconds. */
  readonly fragmentTimecodeMs: number;
  /** Decimal digits, rising within the stream; not a number that JavaScript can hold. */
  readonly fragmentNumber: string | undefined;
}

export interface ErrorAck {
  readonly event: "ERROR";
  /** 4000 to 5999; see {@link reactionTo}. */
  readonly errorId: number;
  /** `STREAM_READ_ERROR`, …; empty where it was left out. */
  readonly errorCode: string;
  readonly fragmentTimecodeMs: number | undefined;
  readonly fragmentNumber: string | undefined;
}

/** Keeps the connection alive; says nothing of fragments. */
export interface IdleAck {
  readonly event: "IDLE";
}

/**
 * - `resend`: open another PutMedia and send again from the fragment in question on.
 * - `skip`: that fragment will never be taken; open another PutMedia and go on with the next.
 * - `stop`: somebody has to do something first: the stream, its key, its tracks.
 */
export type Reaction = "resend" | "skip" | "stop";

/** 4001 fragment too large, 4002 too long, 4004 time goes back, 4006 not Matroska, 4009 too many tags, 4011 a track is missing. */
const SKIPPED: ReadonlySet<number> = new Set([4001, 4002, 4004, 4006, 4009, 4011]);
/** 4000 read error, 4003 connection too old, 5000 and 5001 trouble of the service's own. */
const RESENT: ReadonlySet<number> = new Set([4000, 4003, 5000, 5001]);

/** What to do about an ERROR, as AWS's own producers do it. */
export function reactionTo(errorId: number): Reaction {
  if (SKIPPED.has(errorId)) return "skip";
  return RESENT.has(errorId) ? "resend" : "stop";
}
