import {
  clusterStart,
  documentHeader,
  endOfFragment,
  type MatroskaTag,
  simpleBlock,
  tagsElement,
  type WrittenDocument,
  type WrittenFrame,
} from "@headwater/protocol/matroska";

/** What a body is made of, in this order: `fragment frame* tags? fragmentEnd?`, again and again. */
export type MediaPart =
  /** A fragment begins; the first frame of its video should be a key frame. */
  | { readonly kind: "fragment"; readonly timecodeMs: number }
  | ({ readonly kind: "frame" } & WrittenFrame)
  /** Of the fragment before; at most 10 with {@link MediaPart} `fragmentEnd`, which is one too. */
  | { readonly kind: "tags"; readonly tags: readonly MatroskaTag[] }
  /** The fragment is complete: its PERSISTED need not wait for the next one. */
  | { readonly kind: "fragmentEnd" };

/**
 * Writes fragments as the Matroska that PutMedia takes, each part as soon as it comes.
 * @param document times in milliseconds: no `timecodeScaleNs`.
 */
export async function* matroskaBody(
  document: Omit<WrittenDocument, "timecodeScaleNs">,
  parts: AsyncIterable<MediaPart>,
): AsyncGenerator<Uint8Array, void, void> {
  yield documentHeader(document);
  for await (const part of parts) yield matroskaOf(part);
}

function matroskaOf(part: MediaPart): Uint8Array {
  if (part.kind === "fragment") return clusterStart(BigInt(part.timecodeMs));
  // In one chunk of HTTP: two for a small frame would cost more than the copy.
  if (part.kind === "frame") return Buffer.concat(simpleBlock(part));
  return part.kind === "tags" ? tagsElement(part.tags) : endOfFragment();
}
