import { ElementId } from "./element-id.js";

/** What a reader stands in: between documents, in a Segment, in a Cluster. */
export type Level = "document" | "segment" | "cluster";

/**
 * What an element is to a reader that stands in a level.
 *
 * - `segment`, `cluster`: walked through.
 * - `header`, `tags`, `number`, `block`: read whole.
 * - `skip`: passed over; `unknown` too, but only if it is short.
 * - `ends-level`: belongs to a level above, and ends this one if that has no size of its own.
 */
export type Placement =
  "segment" | "cluster" | "header" | "tags" | "number" | "block" | "skip" | "unknown" | "ends-level" | "misplaced";

export function placementOf(level: Level, id: number): Placement {
  if (id === ElementId.void || id === ElementId.crc32) return "skip";
  return placements[level].get(id) ?? (level === "document" ? "misplaced" : "unknown");
}

const inDocument: readonly [number, Placement][] = [
  [ElementId.ebml, "header"],
  [ElementId.segment, "segment"],
];

const inSegment: readonly [number, Placement][] = [
  [ElementId.info, "header"],
  [ElementId.tracks, "header"],
  [ElementId.tags, "tags"],
  [ElementId.cluster, "cluster"],
  [ElementId.seekHead, "skip"],
  [ElementId.cues, "skip"],
  [ElementId.chapters, "skip"],
  [ElementId.attachments, "skip"],
];

const inCluster: readonly [number, Placement][] = [
  [ElementId.timecode, "number"],
  [ElementId.simpleBlock, "block"],
  [ElementId.blockGroup, "block"],
  [ElementId.position, "skip"],
  [ElementId.prevSize, "skip"],
  [ElementId.silentTracks, "skip"],
  // Only decoders of the file's own encryption read it, so it is nobody's frame.
  [ElementId.encryptedBlock, "skip"],
];

function all(entries: readonly [number, Placement][], placement: Placement): [number, Placement][] {
  return entries.map(([id]) => [id, placement]);
}

const placements: Readonly<Record<Level, ReadonlyMap<number, Placement>>> = {
  document: new Map(inDocument),
  segment: new Map([...all(inDocument, "ends-level"), ...all(inCluster, "misplaced"), ...inSegment]),
  cluster: new Map([...all(inDocument, "ends-level"), ...all(inSegment, "ends-level"), ...inCluster]),
};
