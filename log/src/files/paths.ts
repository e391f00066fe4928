import { join } from "node:path";
import type { FileId } from "../format/file-header.js";
import { fileIdHex } from "../format/file-header.js";

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
    return join(this.journals, `${String(fileNumber).padStart(10, "0")}.journal`);
  }

  shard(number: number): string {
    return join(this.shards, String(number));
  }

  segment(shard: number, fileNumber: number, fileId: FileId): string {
    return join(this.shard(shard), `${String(fileNumber).padStart(10, "0")}-${fileIdHex(fileId)}.segment`);
  }
}
