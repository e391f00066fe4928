import { dirname } from "node:path";
import type { TraceEvent } from "./trace-events.js";

/** Why a trace does not show that the bytes were on disk before they were acknowledged. */
export type TraceProblem =
  | "no acknowledgement in the trace"
  | "the bytes are not written before the acknowledgement"
  | "no sync covers the write before the acknowledgement"
  | "the file's directory is not synced after its creation"
  | "io_uring is in use, so the trace cannot show the syncs";

const WRITES = new Set(["write", "writev", "pwrite64", "pwritev", "pwritev2"]);
const SYNCS = new Set(["fsync", "fdatasync"]);

/**
 * Checks one acknowledgement: a write of the payload to a file returned, then a sync of that file began and
 * returned well, then the write of the acknowledgement began. Where the file was opened with `O_DSYNC` or `O_SYNC` in the
 * trace, the write is a sync, too. A file that was made in the trace also needs its
 * directory synced in between. Answers what is missing, or `undefined` where the proof holds.
 */
export function missingProof(
  events: readonly TraceEvent[],
  payload: string,
  isAcknowledgement: (event: TraceEvent) => boolean,
): TraceProblem | undefined {
  if (events.some(({ call }) => call === "io_uring_setup")) {
    return "io_uring is in use, so the trace cannot show the syncs";
  }
  const acknowledged = events.findIndex((event) => event.at === "enter" && isAcknowledgement(event));
  if (acknowledged === -1) return "no acknowledgement in the trace";
  const before = events.slice(0, acknowledged);
  const writes = before.flatMap((event, index) => {
    const file = fileOf(event);
    const isWrite = event.at === "exit" && (event.result ?? -1) > 0 && WRITES.has(event.call);
    return isWrite && file !== undefined && event.data.includes(payload) ? [{ index, file }] : [];
  });
  if (writes.length === 0) return "the bytes are not written before the acknowledgement";
  const synced = writes.filter(
    ({ index, file }) => syncsWrites(before, index, file) || syncs(before, index, (synced) => synced.fd === file.fd),
  );
  if (synced.length === 0) return "no sync covers the write before the acknowledgement";
  const entered = synced.filter(({ file }) => {
    const created = before.findIndex((event) => creates(event, file.path));
    return created === -1 || syncs(before, created, (synced) => synced.path === dirname(file.path));
  });
  return entered.length === 0 ? "the file's directory is not synced after its creation" : undefined;
}

/** Whether after `index` a matching sync begins and returns well. */
function syncs(events: readonly TraceEvent[], index: number, matches: (file: OpenFile) => boolean): boolean {
  const begun = new Set<number>();
  for (const event of events.slice(index + 1)) {
    if (!SYNCS.has(event.call)) continue;
    const file = fileOf(event);
    if (file === undefined || !matches(file)) continue;
    if (event.at === "enter") begun.add(event.thread);
    else if (begun.has(event.thread) && event.result === 0) return true;
  }
  return false;
}

/** Whether the file was opened so that its writes return once they are synced. */
function syncsWrites(events: readonly TraceEvent[], index: number, { fd, path }: OpenFile): boolean {
  const opened = events
    .slice(0, index)
    .findLast(({ at, call, result }) => at === "exit" && call === "openat" && result === fd);
  return opened !== undefined && opened.data === path && /", (?:O_\w+\|)*O_D?SYNC\b/.test(opened.args);
}

interface OpenFile {
  readonly fd: number;
  readonly path: string;
}

/** The file (not socket, not pipe) that a call's first argument names, as `-yy` prints it: `18</path>`. */
function fileOf({ args }: TraceEvent): OpenFile | undefined {
  const [, fd, path] = /^(\d+)<(\/[^>]*)>/.exec(args) ?? [];
  return fd === undefined || path === undefined ? undefined : { fd: Number(fd), path };
}

function creates({ at, call, args, data, result }: TraceEvent, path: string): boolean {
  return at === "exit" && call === "openat" && (result ?? -1) >= 0 && args.includes("O_CREAT") && data === path;
}
