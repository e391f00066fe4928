import type { Part } from "../shard/part.js";

/**
 * Brings a shard's parts in order. Where journals hold the same positions, the later one replaces the earlier one's
 * frames from its own first on: those were a tail that nobody acknowledged.
 */
export function mergeParts(segments: readonly Part[], journals: readonly Part[]): Part[] {
  const kept: Part[] = [];
  for (const part of journals.toSorted((a, b) => b.file.fileNumber - a.file.fileNumber)) {
    const replacing = kept.filter((later) => later.first < part.next && later.next > part.first);
    const next = Math.min(part.next, ...replacing.map((later) => later.first));
    if (next > part.first) kept.push({ ...part, next });
  }
  return [...segments, ...kept].toSorted((a, b) => a.first - b.first);
}
