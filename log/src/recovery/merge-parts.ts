import type { Part } from "../shard/part.js";

/**
 * What each file counts for where files hold the same positions of a shard. Segments hold only what was acknowledged:
 * where a crash came between settling and the deletion of the journal, the journal supplies the rest. Among journals
 * the later file replaces the earlier one's frames from its own first on: those were a tail that nobody acknowledged.
 */
export function mergeParts(segments: readonly Part[], journals: readonly Part[]): Part[] {
  let merged: Part[] = [];
  for (const part of segments.toSorted((a, b) => a.file.fileNumber - b.file.fileNumber))
    merged = [...merged.flatMap((earlier) => without(earlier, part.first, part.next)), part];
  const settled = merged;
  const later: Part[] = [];
  for (const part of journals.toSorted((a, b) => b.file.fileNumber - a.file.fileNumber)) {
    const replaced = later.filter((other) => other.first < part.next && other.next > part.first);
    const next = Math.min(part.next, ...replaced.map((other) => other.first));
    if (next <= part.first) continue;
    let pieces: Part[] = [{ ...part, next }];
    for (const segment of settled) pieces = pieces.flatMap((piece) => without(piece, segment.first, segment.next));
    later.push({ ...part, next });
    merged = [...merged, ...pieces];
  }
  return merged.toSorted((a, b) => a.first - b.first);
}

/** The part but for the positions from one up to another: none, one or two parts. */
function without(part: Part, from: number, to: number): Part[] {
  if (to <= part.first || from >= part.next) return [part];
  const pieces: Part[] = [];
  if (part.first < from) pieces.push({ ...part, next: from });
  if (to < part.next) pieces.push({ ...part, first: to });
  return pieces;
}
