import type { MatroskaTrack } from "./track.js";

/**
 * What a reader finds, in the order of the bytes:
 *
 *     document tracks tag* ( cluster frame* tag* clusterEnd tag* )*
 *
 * for each EBML document of the input. Tags before the first `cluster` are the document's (of GetMedia: the identity of
 * the fragment that follows), tags between `cluster` and `clusterEnd` are that Cluster's, and a tag after `clusterEnd`
 * came after the end-of-fragment tag. Where a document has tags and no Cluster, `document` and `tracks` may be missing.
 */
export type MatroskaEvent =
  | MatroskaDocumentEvent
  | MatroskaTracksEvent
  | MatroskaClusterEvent
  | MatroskaFrameEvent
  | MatroskaTagEvent
  | MatroskaClusterEndEvent;

export interface MatroskaDocumentEvent {
  readonly kind: "document";
  /**
   * What must stand before a Cluster of this document to make it playable: EBML header, Segment of unknown size, Info and
   * Tracks. Their bytes are as sent, but for the Segment's size; seek tables, tags and padding are left out.
   */
  readonly header: Buffer;
  readonly docType: string;
  /** Nanoseconds in one unit of timecodes. */
  readonly timecodeScaleNs: number;
  readonly title: string | undefined;
  readonly muxingApp: string | undefined;
  readonly writingApp: string | undefined;
}

export interface MatroskaTracksEvent {
  readonly kind: "tracks";
  readonly tracks: readonly MatroskaTrack[];
}

export interface MatroskaClusterEvent {
  readonly kind: "cluster";
  /** As sent, in units of the document's timecode scale. It may be less than the one before. */
  readonly timecode: bigint;
  readonly timecodeMs: number;
}

export interface MatroskaFrameEvent {
  readonly kind: "frame";
  /** The number of its track, which `tracks` has. */
  readonly track: number;
  /** Presentation time: the Cluster's and the block's own, scaled. It may be negative, or less than the one before. */
  readonly timecodeMs: number;
  /** Where the file says it for this frame. */
  readonly durationMs: number | undefined;
  readonly isKey: boolean;
  /** Not empty. A view into the pushed chunk where that held the whole block. */
  readonly data: Buffer;
}

export interface MatroskaTagEvent {
  readonly kind: "tag";
  readonly name: string;
  /** Text, also where it is empty or missing; bytes where the tag is binary. */
  readonly value: string | Buffer;
}

/** The Cluster and its tags are complete: another begins, the document ends, or its end-of-fragment tag came. */
export interface MatroskaClusterEndEvent {
  readonly kind: "clusterEnd";
}
