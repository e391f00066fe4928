import type { Disk } from "../api.js";
import { readWhole } from "../files/atomic-file.js";
import type { FileId, Link } from "../format/file-header.js";
import { FrameIndex } from "../shard/frame-index.js";
import { decodeCheckpoint, type JournalState } from "./checkpoint.js";

/** What a journal holds up to the end of a batch; all of that was acknowledged. */
export interface JournalContent {
  readonly coveredBytes: number;
  /** The number of the last batch. */
  readonly batch: number;
  /** The links of the journal's header. */
  readonly links: readonly Link[];
  /** By shard number. */
  readonly indexes: Map<number, FrameIndex>;
  readonly states: Map<number, JournalState>;
}

/**
 * Reads a journal's sidecar: its checkpoints, up to the first that is missing, not intact, of another file, or says more
 * than the journal has. Undefined where there is none.
 */
export async function readJournalIndex(
  disk: Disk,
  path: string,
  fileId: FileId,
  journalBytes: number,
): Promise<JournalContent | undefined> {
  // One that cannot be read is as good as lost.
  const bytes = await readWhole(disk, path).catch(() => Buffer.alloc(0));
  const indexes = new Map<number, FrameIndex>();
  const states = new Map<number, JournalState>();
  const indexOf = (shard: number): FrameIndex => {
    let index = indexes.get(shard);
    if (index === undefined) indexes.set(shard, (index = new FrameIndex()));
    return index;
  };
  let content: JournalContent | undefined;
  for (let at = 0, number = 0; ; number++) {
    const found = decodeCheckpoint(bytes.subarray(at), fileId, number);
    if (found === undefined || found.checkpoint.to > journalBytes) return content;
    const { checkpoint, length } = found;
    checkpoint.addTo(indexOf);
    for (const state of checkpoint.states) states.set(state.shard, state);
    content = { coveredBytes: checkpoint.to, batch: checkpoint.batch, links: checkpoint.links, indexes, states };
    at += length;
  }
}
