import { type PutMediaErrorCode, putMediaErrors } from "./put-media-fault.js";

/** Which fragment an acknowledgement is about. */
export interface AcknowledgedFragment {
  /** As the producer sent it, in milliseconds. */
  readonly timecodeMs: number;
  /** Undefined until its first bytes are on disk. */
  readonly number: string | undefined;
}

export type Acknowledgement =
  | { readonly event: "BUFFERING" | "RECEIVED" | "PERSISTED"; readonly fragment: AcknowledgedFragment }
  | { readonly event: "ERROR"; readonly fragment: AcknowledgedFragment | undefined; readonly code: PutMediaErrorCode }
  | { readonly event: "IDLE" };

/** One line of PutMedia's answer. */
export function encodeAcknowledgement(ack: Acknowledgement): string {
  const fragment = "fragment" in ack ? ack.fragment : undefined;
  return `${JSON.stringify({
    EventType: ack.event,
    FragmentTimecode: fragment && Math.round(fragment.timecodeMs),
    FragmentNumber: fragment?.number,
    ...(ack.event === "ERROR" ? { ErrorId: putMediaErrors[ack.code], ErrorCode: ack.code } : {}),
  })}\n`;
}
