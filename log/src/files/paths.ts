import { join } from "node:path";
import type { FileId } from "../format/file-header.js";
import { fileIdHex, parseFileIdHex } from "../format/file-header.js";

export const shardSidecarName = "segments.index";

/** Where everything lies in a log's directory. docs/design/log.md, "Layout". */
export class Paths {
  readonly directory: string;
  readonly format: string;
  readonly journals: string;
  readonly shards: string;
  readonly quarantine: string;
  /** Two copies of one table. */
  readonly shardTables: readonly [string, string];

  constructor(directory: string) {
    this.directory = directory;
    this.format = join(directory, "format");
    this.journals = join(directory, "journals");
    this.shards = join(directory, "shards");
    this.quarantine = join(directory, "quarantine");
    this.shardTables = [join(directory, "shards-a.json"), join(directory, "shards-b.json")];
  }

  /** @param reusedAs the id of a file that is used again: its name tells what its bytes do not before they are written over. */
  journal(fileNumber: number, reusedAs?: FileId): string {
    const id = reusedAs === undefined ? "" : `-${fileIdHex(reusedAs)}`;
    return join(this.journals, `${digits(fileNumber)}${id}.journal`);
  }

  /** A file that waits to be used again. */
  spare(fileNumber: number): string {
    return join(this.journals, `${digits(fileNumber)}.spare`);
  }

  shard(number: number): string {
    return join(this.shards, String(number));
  }

  /** Says what the shard's segments hold. */
  shardSidecar(number: number): string {
    return join(this.shard(number), shardSidecarName);
  }

  /** Named after the journal that it was settled from, too: it counts once that is gone. */
  segment(shard: number, { fileNumber, journalNumber, fileId }: SegmentName): string {
    const name = `${digits(fileNumber)}-${digits(journalNumber)}-${fileIdHex(fileId)}.segment`;
    return join(this.shard(shard), name);
  }
}

/** The sidecar of a journal. */
export function journalIndexPath(journalPath: string): string {
  return journalPath.replace(/\.journal$/, ".index");
}

export interface JournalName {
  readonly fileNumber: number;
  /** The id of a file that is used again. */
  readonly reusedAs: FileId | undefined;
}

/** Undefined where it is no journal's name. */
export function parseJournalName(name: string): JournalName | undefined {
  const match = /^(\d{10})(?:-([0-9a-f]{16}))?\.journal$/.exec(name);
  if (match === null) return undefined;
  const [, fileNumber, id] = match;
  return { fileNumber: Number(fileNumber), reusedAs: id === undefined ? undefined : parseFileIdHex(id) };
}

/** The journal that a sidecar is of, by name; undefined where it is no such sidecar's name. */
export function journalOfIndex(name: string): string | undefined {
  const journal = name.replace(/\.index$/, ".journal");
  return journal !== name && parseJournalName(journal) !== undefined ? journal : undefined;
}

/** Undefined where it is no spare file's name. */
export function parseSpareName(name: string): number | undefined {
  const match = /^(\d{10})\.spare$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export interface SegmentName {
  readonly fileNumber: number;
  readonly journalNumber: number;
  readonly fileId: FileId;
}

/** Undefined where it is no segment's name. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^(\d{10})-(\d{10})-([0-9a-f]{16})\.segment$/.exec(name);
  if (match === null) return undefined;
  const [, fileNumber, journalNumber, id] = match;
  return { fileNumber: Number(fileNumber), journalNumber: Number(journalNumber), fileId: parseFileIdHex(id!) };
}

/** The sidecar of one segment, as logs had them before there was one for all of a shard's. */
export function isFormerSidecar(name: string): boolean {
  return /^\d{10}-\d{10}-[0-9a-f]{16}\.index$/.test(name);
}

function digits(number: number): string {
  return String(number).padStart(10, "0");
}
