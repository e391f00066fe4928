import type { Disk, DiskFile } from "../api.js";
import { readThrough } from "./read-through.js";
import type { FileId } from "../format/file-header.js";

/** A journal or a segment as its readers see it. */
export interface LogFile {
  readonly fileId: FileId;
  readonly fileNumber: number;
  /** This and what follows change when a journal becomes a segment. */
  path: string;
  isSegment: boolean;
  /** Up to here the bytes are committed. */
  bytes: number;
}

interface Handle {
  readonly opened: Promise<DiskFile>;
  users: number;
  /** Set when the file is to be closed: called once the last user is done. */
  unused: (() => void) | undefined;
}

/** Keeps a bounded number of files open for reading, the most recently used ones. */
export class ReadHandles {
  readonly #disk: Disk;
  readonly #openMax: number;
  /** The least recently used comes first. */
  readonly #handles = new Map<LogFile, Handle>();

  constructor(disk: Disk, openMax: number) {
    this.#disk = disk;
    this.#openMax = openMax;
  }

  /** Runs a task with the open file. The file stays open under it, whatever happens to its name. */
  async use<T>(file: LogFile, task: (file: DiskFile) => Promise<T>): Promise<T> {
    const handle = this.#handles.get(file) ?? {
      opened: this.#disk.open(file.path, "read"),
      users: 0,
      unused: undefined,
    };
    this.#handles.delete(file);
    this.#handles.set(file, handle);
    handle.users++;
    try {
      return await task(await handle.opened);
    } catch (error) {
      // A file that could not be opened is tried anew by the next reader.
      await handle.opened.catch(() => this.#handles.get(file) === handle && this.#handles.delete(file));
      throw error;
    } finally {
      handle.users--;
      if (handle.users === 0) handle.unused?.();
      await this.#closeSurplus();
    }
  }

  /** Reads exactly the bytes asked for. */
  async read(file: LogFile, buffer: Uint8Array, offset: number): Promise<void> {
    await this.use(file, async (opened) => {
      const done = await readThrough(opened, buffer, offset);
      if (done < buffer.length)
        throw new Error(`${file.path} ends at ${offset + done}, ${file.bytes} bytes were committed`);
    });
  }

  /** Closes a file once its readers are done. The caller has seen to it that no new ones come. */
  async close(file: LogFile): Promise<void> {
    const handle = this.#handles.get(file);
    if (handle === undefined) return;
    this.#handles.delete(file);
    await this.#closeUnused(handle);
  }

  async closeAll(): Promise<void> {
    while (this.#handles.size > 0) for (const file of this.#handles.keys()) await this.close(file);
  }

  async #closeSurplus(): Promise<void> {
    if (this.#handles.size <= this.#openMax) return;
    for (const [file, handle] of this.#handles) {
      if (handle.users > 0) continue;
      await this.close(file);
      return;
    }
  }

  async #closeUnused(handle: Handle): Promise<void> {
    if (handle.users > 0) await new Promise<void>((resolve) => (handle.unused = resolve));
    const file = await handle.opened.catch(() => undefined);
    await file?.close();
  }
}
