import type { StoredVideoStream, VideoStreamStatus } from "../catalog/video-catalog.js";
import type { ProducerConnections } from "./producer-connections.js";
import type { FragmentShards, FragmentStore } from "./store/fragment-store.js";

const HOUR_MS = 3_600_000;
/** What is kept of a stream without retention, for live readers that fall behind a little. */
const LIVE_ONLY_MS = 120_000;

/** A stream that takes and gives media. */
export interface VideoStream {
  readonly id: string;
  readonly name: string;
  readonly store: FragmentStore;
  readonly shards: FragmentShards;
  /** The stream's digits in fragment numbers. */
  readonly numberPrefix: string;
  readonly producers: ProducerConnections;
  readonly readers: Set<MediaReader>;
  readonly retentionHours: () => number;
  /** Fragments that came before this moment are expired, whether or not their bytes are gone. */
  readonly horizonMs: () => number;
}

/** Somebody to whom a stream is being sent. */
export interface MediaReader {
  cut(): void;
}

/** A stream as its users see it. */
export interface VideoStreamDescription {
  readonly name: string;
  readonly arn: string;
  readonly status: VideoStreamStatus;
  readonly version: string;
  readonly createdMs: number;
  readonly retentionHours: number;
  readonly deviceName: string | undefined;
  readonly mediaType: string | undefined;
  readonly kmsKeyId: string | undefined;
}

export function horizonMs({ retentionHours }: StoredVideoStream, nowMs: number): number {
  return nowMs - (retentionHours === 0 ? LIVE_ONLY_MS : retentionHours * HOUR_MS);
}

export function shardsOf(streamId: string): FragmentShards {
  return { media: `video/${streamId}/media`, index: `video/${streamId}/index` };
}
