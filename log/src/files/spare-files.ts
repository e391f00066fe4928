import { basename, dirname } from "node:path";
import type { Clock, Disk } from "../api.js";
import type { LogFile, ReadHandles } from "./log-file.js";
import { parseSegmentName, parseSpareName, type Paths } from "./paths.js";

/** After the disk was full, none is kept for so long. */
const fullForMs = 10 * 60 * 1000;

interface Spare {
  readonly path: string;
  readonly bytes: number;
}

/** How much of what is kept for journals to come. */
export interface SpareLimits {
  /** Of all together. */
  readonly bytesMax: number;
  /** A smaller file is not worth keeping. */
  readonly fileBytesMin: number;
}

/**
 * Files that nobody needs any more, kept to be written over: a sync then costs its data alone, and not the disk's book-keeping for
 * new blocks. docs/design/log.md, "Files used again".
 */
export class SpareFiles {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #paths: Paths;
  readonly #handles: ReadHandles;
  readonly #limits: SpareLimits;
  readonly #spares: Spare[] = [];
  #bytes = 0;
  #fullUntilMs = -Infinity;

  constructor(disk: Disk, clock: Clock, paths: Paths, handles: ReadHandles, limits: SpareLimits) {
    this.#disk = disk;
    this.#clock = clock;
    this.#paths = paths;
    this.#handles = handles;
    this.#limits = limits;
  }

  /** Of the files that wait to be used again. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes over what an earlier process has left, as far as it is wanted. Answers the highest file number. */
  async load(): Promise<number> {
    let numberMax = 0;
    for (const name of (await this.#disk.list(this.#paths.journals)).toSorted()) {
      const number = parseSpareName(name);
      if (number === undefined) continue;
      numberMax = Math.max(numberMax, number);
      const path = this.#paths.spare(number);
      const { bytes, isOurs } = await this.#look(path);
      if (isOurs && this.#wants(bytes)) this.#add({ path, bytes });
      // What cannot be removed holds up nothing: the next start tries again.
      else await this.#disk.remove(path).catch(() => undefined);
    }
    return numberMax;
  }

  /**
   * Keeps a file to be used again, or removes it. Who still reads it does so to the end; nobody will look for it any more. After a
   * removal its directory is the caller's to sync.
   * @param isSound all of it was written and synced without trouble.
   */
  async retire(file: LogFile, isSound: boolean): Promise<void> {
    const { path, fileNumber, bytes } = file;
    const spare = { path: this.#paths.spare(fileNumber), bytes };
    const mayBeKept = isSound && this.#wants(bytes) && (await this.#look(path)).isOurs;
    // Renamed first: who comes too late to read it must not find it, since other bytes will be there.
    if (!mayBeKept || !(await this.#renamed(path, spare.path))) {
      await this.#handles.close(file);
      await this.#disk.remove(path);
      return;
    }
    try {
      await this.#handles.close(file);
      // Its former name may lie in a directory that nobody syncs before it is written over, and must not come back then.
      await this.#disk.syncDirectory(dirname(path));
    } catch (error) {
      await this.#disk.remove(spare.path).catch(() => undefined);
      throw error;
    }
    if (this.#wants(bytes)) this.#add(spare);
    else await this.#disk.remove(spare.path); // the disk was found full meanwhile
  }

  /** Gives a spare file its name as a journal. Answers its length; undefined where there is none. */
  async take(journalPath: string): Promise<number | undefined> {
    const spare = this.#spares.pop();
    if (spare === undefined) return undefined;
    this.#bytes -= spare.bytes;
    if (await this.#renamed(spare.path, journalPath)) return spare.bytes;
    await this.#disk.remove(spare.path).catch(() => undefined);
    return undefined;
  }

  /** The disk is full: others need the room more. */
  async giveUp(): Promise<void> {
    this.#fullUntilMs = this.#clock.now() + fullForMs;
    for (let spare = this.#spares.pop(); spare !== undefined; spare = this.#spares.pop()) {
      this.#bytes -= spare.bytes;
      await this.#disk.remove(spare.path).catch(() => undefined);
    }
  }

  #wants(bytes: number): boolean {
    const { bytesMax, fileBytesMin } = this.#limits;
    if (bytes < fileBytesMin || this.#bytes + bytes > bytesMax) return false;
    return this.#clock.now() >= this.#fullUntilMs;
  }

  #add(spare: Spare): void {
    this.#spares.push(spare);
    this.#bytes += spare.bytes;
  }

  async #renamed(from: string, to: string): Promise<boolean> {
    try {
      await this.#disk.rename(from, to);
      return true;
    } catch {
      return false; // the log goes on without
    }
  }

  /**
   * A file's length, and whether it is nobody else's: it may have a name in a copy of the directory, or one that a crash brought
   * back. Neither where it cannot be told.
   */
  async #look(path: string): Promise<{ readonly bytes: number; readonly isOurs: boolean }> {
    try {
      const file = await this.#disk.open(path, "read");
      try {
        const names = (await file.names?.()) ?? 1;
        return { bytes: await file.size(), isOurs: names === 1 };
      } finally {
        await file.close();
      }
    } catch {
      return { bytes: 0, isOurs: false };
    }
  }
}

/** Whether a segment is a journal that was renamed, which only sound ones are. */
export function wasJournal({ path }: LogFile): boolean {
  const name = parseSegmentName(basename(path));
  return name !== undefined && name.fileNumber === name.journalNumber;
}
