import type { Disk, DiskFile } from "../api.js";
import { readThrough, unreadable } from "./read-through.js";
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

/** Keeps a bounded number of files open for reading, the most recently used ones. Who needs one more waits for its turn. */
export class ReadHandles {
  readonly #disk: Disk;
  readonly #openMax: number;
  /** The least recently used comes first. */
  readonly #handles = new Map<LogFile, Handle>();
  /** Open, being opened or being closed. */
  #open = 0;
  /** Those who need a file that is not open, in the order they came: the last one's turn. */
  #turns: Promise<unknown> = Promise.resolve();
  /** Wakes the one whose turn it is, if it waits for a file to be unused or closed. */
  #freed: () => void = () => undefined;

  constructor(disk: Disk, openMax: number) {
    this.#disk = disk;
    this.#openMax = openMax;
  }

  /**
   * Runs a task with the open file. The file stays open under it, whatever happens to its name. The task must not use
   * another file: those that it waits for could be waiting for its own.
   */
  async use<T>(file: LogFile, task: (file: DiskFile) => Promise<T>): Promise<T> {
    const handle = this.#take(file) ?? (await this.#takeInTurn(file));
    try {
      return await task(await handle.opened);
    } finally {
      handle.users--;
      if (handle.users === 0) {
        handle.unused?.();
        this.#freed();
      }
    }
  }

  /** Fills the buffer with committed bytes. Those that the file has lost read as what cannot be read does. */
  async read(file: LogFile, buffer: Uint8Array, offset: number): Promise<void> {
    await this.use(file, async (opened) => {
      const done = await readThrough(opened, buffer, offset);
      buffer.fill(unreadable, done);
    });
  }

  /** Closes a file once its readers are done. The caller has seen to it that no new ones come. */
  async close(file: LogFile): Promise<void> {
    const handle = this.#handles.get(file);
    if (handle === undefined) return;
    this.#handles.delete(file);
    if (handle.users > 0) await new Promise<void>((resolve) => (handle.unused = resolve));
    const opened = await handle.opened.catch(() => undefined);
    try {
      await opened?.close();
    } finally {
      if (opened !== undefined) this.#release();
    }
  }

  async closeAll(): Promise<void> {
    do {
      await this.#turns;
      for (const file of this.#handles.keys()) await this.close(file);
    } while (this.#handles.size > 0);
  }

  /** The file's handle, if it is open. */
  #take(file: LogFile): Handle | undefined {
    const handle = this.#handles.get(file);
    if (handle === undefined) return undefined;
    this.#handles.delete(file);
    this.#handles.set(file, handle);
    handle.users++;
    return handle;
  }

  #takeInTurn(file: LogFile): Promise<Handle> {
    const taken = this.#turns.then(async () => {
      while (!this.#handles.has(file) && this.#open >= this.#openMax) await this.#makeRoom();
      return this.#take(file) ?? this.#opened(file);
    });
    this.#turns = taken.catch(() => undefined); // heard by the caller
    return taken;
  }

  /** Closes the file that was not used for longest; where all are in use, waits until one is not. */
  async #makeRoom(): Promise<void> {
    for (const [file, { users }] of this.#handles) if (users === 0) return this.close(file);
    await new Promise<void>((resolve) => (this.#freed = resolve));
  }

  #opened(file: LogFile): Handle {
    this.#open++;
    const handle: Handle = { opened: this.#disk.open(file.path, "read"), users: 1, unused: undefined };
    this.#handles.set(file, handle);
    handle.opened.catch(() => {
      // The next reader tries anew.
      if (this.#handles.get(file) === handle) this.#handles.delete(file);
      this.#release();
    });
    return handle;
  }

  #release(): void {
    this.#open--;
    this.#freed();
  }
}
