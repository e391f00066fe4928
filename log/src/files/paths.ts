import { join } from "node:path";
import type { FileId } from "../format/file-header.js";
import { fileIdHex } from "../format/file-header.js";

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

  journal(fileNumber: number): string {
    return join(this.journals, `${digits(fileNumber)}.journal`);
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

export interface SegmentName {
  readonly fileNumber: number;
  readonly journalNumber: number;
  readonly fileId: FileId;
}

/** Undefined where it is no segment's name. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^(\d{10})-(\d{10})-([0-9a-f]{8})([0-9a-f]{8})\.segment$/.exec(name);
  if (match === null) return undefined;
  const [, fileNumber, journalNumber, high, low] = match;
  const fileId = { high: parseInt(high!, 16), low: parseInt(low!, 16) };
  return { fileNumber: Number(fileNumber), journalNumber: Number(journalNumber), fileId };
}

/** The sidecar of one segment, as logs had them before there was one for all of a shard's. */
export function isFormerSidecar(name: string): boolean {
  return /^\d{10}-\d{10}-[0-9a-f]{16}\.index$/.test(name);
}

function digits(number: number): string {
  return String(number).padStart(10, "0");
}
