import type { Part } from "../shard/part.js";

/**
 * What each file counts for where files hold the same positions of a shard. Among journals the later file replaces the
 * earlier one's frames from its own first on: those were a tail that nobody acknowledged. A journal that is still there
 * replaces what segments hold, since its settling may not have been synced; among segments the later one holds.
 */
export function mergeParts(segments: readonly Part[], journals: readonly Part[]): Part[] {
  const kept: Part[] = [];
  for (const part of journals.toSorted((a, b) => b.file.fileNumber - a.file.fileNumber)) {
    const replacing = kept.filter((later) => later.first < part.next && later.next > part.first);
    const next = Math.min(part.next, ...replacing.map((later) => later.first));
    if (next > part.first) kept.push({ ...part, next });
  }
  for (const part of segments.toSorted((a, b) => b.file.fileNumber - a.file.fileNumber)) {
    let pieces = [part];
    for (const other of kept) pieces = pieces.flatMap((piece) => without(piece, other.first, other.next));
    kept.push(...pieces);
  }
  return kept.toSorted((a, b) => a.first - b.first);
}

/** The part but for the positions from one up to another: none, one or two parts. */
function without(part: Part, from: number, to: number): Part[] {
  if (to <= part.first || from >= part.next) return [part];
  const pieces: Part[] = [];
  if (part.first < from) pieces.push({ ...part, next: from });
  if (to < part.next) pieces.push({ ...part, first: to });
  return pieces;
}
