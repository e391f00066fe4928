import { dirname } from "node:path";

/** The disk keeps or loses so much at once. */
const sectorBytes = 512;

/** Sectors by number; those that were never written read as zeros. */
type Sectors = Map<number, Buffer>;

/** The bytes of one file: in the cache, and those on the disk. */
export class VolumeFile {
  #cached: Sectors = new Map();
  #length = 0;
  #stored: Sectors = new Map();
  #storedLength = 0;
  /** Sectors that the cache has and the disk may not. */
  readonly #dirty = new Set<number>();

  get length(): number {
    return this.#length;
  }

  /** Room that it takes: holes take none. */
  get allocatedBytes(): number {
    return this.#cached.size * sectorBytes;
  }

  /** Room that a write would take beyond what the file has. */
  roomFor(bytes: number, offset: number): number {
    let room = 0;
    for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < offset + bytes; sector++)
      if (!this.#cached.has(sector)) room += sectorBytes;
    return room;
  }

  write(bytes: Buffer, offset: number): void {
    for (let at = 0; at < bytes.length;) {
      const sector = Math.floor((offset + at) / sectorBytes);
      const within = offset + at - sector * sectorBytes;
      const kept = Buffer.from(this.#cached.get(sector) ?? Buffer.alloc(sectorBytes));
      at += bytes.copy(kept, within, at);
      this.#cached.set(sector, kept);
      this.#dirty.add(sector);
    }
    if (bytes.length > 0) this.#length = Math.max(this.#length, offset + bytes.length);
  }

  truncate(length: number): void {
    for (const sector of this.#cached.keys()) {
      const end = length - sector * sectorBytes;
      if (end >= sectorBytes) continue;
      this.#dirty.add(sector);
      if (end <= 0) this.#cached.delete(sector);
      else this.#cached.set(sector, Buffer.concat([this.#cached.get(sector)!.subarray(0, end)], sectorBytes));
    }
    this.#length = length;
  }

  read(offset: number, bytes: number): Buffer {
    const wanted = Math.max(0, Math.min(bytes, this.#length - offset));
    const read = Buffer.alloc(wanted);
    for (let at = 0; at < wanted;) {
      const sector = Math.floor((offset + at) / sectorBytes);
      const within = offset + at - sector * sectorBytes;
      this.#cached.get(sector)?.copy(read, at, within);
      at += sectorBytes - within;
    }
    return read;
  }

  /** What a sync that begins now writes: sectors, the way they are now. Buffers are replaced, never changed. */
  dirty(): { readonly sectors: ReadonlyMap<number, Buffer | undefined>; readonly length: number } {
    return {
      sectors: new Map([...this.#dirty].map((sector) => [sector, this.#cached.get(sector)])),
      length: this.#length,
    };
  }

  persist({ sectors, length }: ReturnType<VolumeFile["dirty"]>): void {
    for (const [sector, bytes] of sectors) {
      put(this.#stored, sector, bytes);
      if (this.#cached.get(sector) === bytes) this.#dirty.delete(sector);
    }
    this.#storedLength = length;
  }

  /** Some sectors reach the disk, all count as clean. */
  failSync(random: () => number): void {
    for (const sector of this.#dirty) if (random() < 0.5) put(this.#stored, sector, this.#cached.get(sector));
    this.#dirty.clear();
  }

  afterPowerCut(random: () => number): VolumeFile {
    const file = new VolumeFile();
    const share = random(); // from nearly nothing kept to nearly all
    file.#stored = new Map(this.#stored);
    file.#storedLength = random() < share ? this.#length : this.#storedLength;
    for (const sector of this.#dirty) {
      if (random() >= share) continue;
      put(file.#stored, sector, this.#cached.get(sector));
      file.#storedLength = Math.max(file.#storedLength, Math.min((sector + 1) * sectorBytes, this.#length));
    }
    file.#cached = file.#stored;
    file.truncate(file.#storedLength);
    file.#dirty.clear();
    file.#cached = new Map(file.#stored);
    file.#length = file.#storedLength;
    return file;
  }

  flipBit(bit: number): void {
    const byte = bit >>> 3;
    const sector = Math.floor(byte / sectorBytes);
    for (const sectors of [this.#cached, this.#stored]) {
      const flipped = Buffer.from(sectors.get(sector) ?? Buffer.alloc(sectorBytes));
      flipped[byte - sector * sectorBytes]! ^= 1 << (bit & 7);
      sectors.set(sector, flipped);
    }
  }
}

function put(sectors: Sectors, sector: number, bytes: Buffer | undefined): void {
  if (bytes === undefined) sectors.delete(sector);
  else sectors.set(sector, bytes);
}

/** A change of names that the disk may not have yet: sets and deletes entries at once. */
interface NameChange {
  readonly set: ReadonlyMap<string, VolumeFile | "directory">;
  readonly deleted: readonly string[];
  /** The disk has this one not before that. */
  readonly after?: NameChange;
}

/** Files and their names, in the cache and on the disk. */
export class Volume {
  readonly #entries = new Map<string, VolumeFile | "directory">();
  readonly #stored = new Map<string, VolumeFile | "directory">();
  #changes: NameChange[] = [];

  file(path: string): VolumeFile {
    const file = this.#entries.get(path);
    if (file === undefined || file === "directory") throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    return file;
  }

  create(path: string): VolumeFile {
    if (this.#entries.has(path)) throw Object.assign(new Error(`${path} is there`), { code: "EEXIST" });
    if (!this.hasDirectory(dirname(path))) throw Object.assign(new Error(`no ${dirname(path)}`), { code: "ENOENT" });
    const file = new VolumeFile();
    this.#change({ set: new Map([[path, file]]), deleted: [] });
    return file;
  }

  /** From one directory to another, each is the disk's to write: a crash may leave both names, and never neither. */
  rename(from: string, to: string): void {
    const file = this.file(from);
    if (this.#entries.get(to) === file) return; // two names of one file: as POSIX says, nothing happens
    const set = new Map([[to, file]]);
    if (dirname(from) === dirname(to)) this.#change({ set, deleted: [from] });
    else this.#change({ set: new Map(), deleted: [from], after: this.#change({ set, deleted: [] }) });
  }

  namesOf(file: VolumeFile): number {
    return [...this.#entries.values()].filter((entry) => entry === file).length;
  }

  remove(path: string): void {
    const deleted = [...this.#entries.keys()].filter((entry) => entry === path || entry.startsWith(`${path}/`));
    for (const entry of deleted) this.#change({ set: new Map(), deleted: [entry] });
  }

  hasDirectory(path: string): boolean {
    return this.#entries.get(path) === "directory" || path === "/";
  }

  /** Durable at once, as its contract says. */
  makeDirectory(path: string): void {
    if (this.hasDirectory(path)) return;
    this.makeDirectory(dirname(path));
    this.#entries.set(path, "directory");
    this.#stored.set(path, "directory");
  }

  list(directory: string): string[] {
    return [...this.#entries.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.slice(directory.length + 1));
  }

  syncDirectory(path: string): void {
    const synced = new Set<NameChange>();
    for (const change of this.#changes) {
      if (![...change.set.keys(), ...change.deleted].some((entry) => dirname(entry) === path)) continue;
      if (change.after !== undefined) synced.add(change.after);
      synced.add(change);
    }
    for (const change of this.#changes) if (synced.has(change)) apply(change, this.#stored);
    this.#changes = this.#changes.filter((change) => !synced.has(change));
  }

  afterPowerCut(random: () => number): Volume {
    const entries = new Map(this.#stored);
    const share = random();
    const lost = new Set<NameChange>();
    for (const change of this.#changes) {
      const isKept = random() < share && !(change.after !== undefined && lost.has(change.after));
      if (isKept) apply(change, entries);
      else lost.add(change);
    }
    const volume = new Volume();
    const files = new Map<VolumeFile, VolumeFile>();
    for (const [path, entry] of entries) {
      if (entry !== "directory" && !files.has(entry)) files.set(entry, entry.afterPowerCut(random));
      const kept = entry === "directory" ? entry : files.get(entry)!;
      volume.#entries.set(path, kept);
      volume.#stored.set(path, kept);
    }
    // An entry without its directory cannot be reached.
    for (const path of entries.keys())
      if (!volume.hasDirectory(dirname(path))) {
        volume.#entries.delete(path);
        volume.#stored.delete(path);
      }
    return volume;
  }

  lengths(): Map<string, number> {
    const lengths = new Map<string, number>();
    for (const [path, entry] of this.#entries) if (entry !== "directory") lengths.set(path, entry.length);
    return lengths;
  }

  /** Room that is taken. */
  bytes(): number {
    let bytes = 0;
    for (const entry of this.#entries.values()) if (entry !== "directory") bytes += entry.allocatedBytes;
    return bytes;
  }

  #change(change: NameChange): NameChange {
    apply(change, this.#entries);
    this.#changes.push(change);
    return change;
  }
}

function apply(change: NameChange, entries: Map<string, VolumeFile | "directory">): void {
  for (const path of change.deleted) entries.delete(path);
  for (const [path, entry] of change.set) entries.set(path, entry);
}
