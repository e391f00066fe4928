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
 * - `stop`: somebody has to do something about the stream first: it is not active, deleted, or its key does not work.
 */
export type Reaction = "resend" | "skip" | "stop";

/**
 * 4001 fragment too large, 4002 too long, 4004 time goes back, 4005 and 4012 too many tracks, 4006 not Matroska, 4007 a
 * time that cannot be, 4009 too many tags, 4010 a track that is not in the header, 4011 a track without frames.
 */
const SKIPPED: ReadonlySet<number> = new Set([4001, 4002, 4004, 4005, 4006, 4007, 4009, 4010, 4011, 4012]);
/** 4000 read error, 4003 connection too old, 5000 and 5001 trouble of the service's own. */
const RESENT: ReadonlySet<number> = new Set([4000, 4003, 5000, 5001]);

/** What to do about an ERROR. AWS's own producers do the same, but give up where the tracks or the time are wrong. */
export function reactionTo(errorId: number): Reaction {
  if (SKIPPED.has(errorId)) return "skip";
  return RESENT.has(errorId) ? "resend" : "stop";
}
