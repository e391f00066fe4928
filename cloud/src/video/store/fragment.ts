import { VIDEO_LANE_BACKFILL, VIDEO_LANE_TAG } from "@headwater/protocol";

/** A complete fragment, as the index knows it. Positions are those of the stream's media shard. */
export interface Fragment {
  /** Random: tells the frames of fragments apart that came at the same time. */
  readonly id: bigint;
  /** Of its first frame in the log. Its fragment number ends in it. */
  readonly begin: number;
  /** After its last. */
  readonly end: number;
  /** When its first picture was taken, by the producer's clock: milliseconds since 1970. */
  readonly producerMs: number;
  /** When its first bytes came, by the cloud's clock. */
  readonly serverMs: number;
  readonly durationMs: number;
  /** Sum of the frames' data. */
  readonly bytes: number;
  readonly frames: number;
  /** CRC-32 of all its frames and tags, but for those that say how it travelled; with time and size it tells a repeat. */
  readonly contentCrc: number;
  /** CRC-32 of what a decoder needs first. */
  readonly initCrc: number;
  /** It was sent late: live viewers are not shown it. */
  readonly isBackfill: boolean;
}

/** A fragment that readers may see. */
export interface PublishedFragment extends Fragment {
  /** Its position in the index shard: readers follow this order, in which fragments became complete. */
  readonly ordinal: number;
}

/** One frame of a fragment. */
export interface MediaFrame {
  readonly track: number;
  readonly isKey: boolean;
  /** Presentation time from the fragment's producer time, in microseconds. */
  readonly offsetUs: number;
  readonly data: Uint8Array;
}

export interface MediaTag {
  readonly name: string;
  readonly value: string | Buffer;
}

/** On a fragment that was sent late. */
export const BACKFILL_TAG: MediaTag = { name: VIDEO_LANE_TAG, value: VIDEO_LANE_BACKFILL };

export function isBackfillTag({ name, value }: MediaTag): boolean {
  return name === BACKFILL_TAG.name && value.toString() === BACKFILL_TAG.value;
}
