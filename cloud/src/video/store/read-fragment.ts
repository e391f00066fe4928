import type { Log } from "@headwater/log";
import type { Fragment, MediaFrame, MediaTag } from "./fragment.js";
import { decodeMediaRecord } from "./media-record.js";

/** What a reader holds of a fragment; a larger frame comes alone. */
const PAGE = { frames: 1024, bytes: 1 << 20 };

export type FragmentPart =
  | { readonly kind: "init"; readonly init: Buffer }
  | { readonly kind: "frame"; readonly frame: MediaFrame }
  | { readonly kind: "tag"; readonly tag: MediaTag };

/** Part of a fragment is no more: its bytes are damaged, or retention took them while they were read. */
export class FragmentGone extends Error {
  override readonly name = "FragmentGone";
}

/**
 * Reads a fragment page by page, its init first, as its reader pulls.
 * @throws {FragmentGone} @throws {LogError} `no-such-shard`, `disk-failed`, `closed`.
 */
export async function* readFragment(
  log: Log,
  mediaShard: string,
  fragment: Fragment,
): AsyncGenerator<readonly FragmentPart[], void, undefined> {
  let frames = 0;
  let hasInit = false;
  for (let position = fragment.begin; position < fragment.end;) {
    const page = await log.read(mediaShard, position, {
      ...PAGE,
      frames: Math.min(PAGE.frames, fragment.end - position),
    });
    const parts: FragmentPart[] = [];
    for (const stored of page.frames) {
      if (stored.position >= fragment.end) break;
      const record = decodeMediaRecord(stored.data);
      if (record.id !== fragment.id) continue; // of another connection
      if (record.kind === "begin") parts.push({ kind: "init", init: record.begin.init });
      else if (record.kind !== "end") parts.push(record);
      hasInit ||= record.kind === "begin";
      frames += Number(record.kind === "frame");
    }
    if (!hasInit) break;
    if (parts.length > 0) yield parts;
    if (page.next <= position) break;
    position = page.next;
  }
  if (!hasInit || frames !== fragment.frames) throw new FragmentGone(`${frames} of ${fragment.frames} frames are left`);
}
