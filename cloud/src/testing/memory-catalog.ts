import type { Catalog, NewStream, StoredStream } from "../catalog/catalog.js";
import type { StoredVideoStream, VideoCatalog } from "../catalog/video-catalog.js";
import type { StreamStatus } from "../streams/stream.js";

/** A catalog in memory that can stop working at a given change, as a power cut would. */
export class MemoryCatalog implements Catalog {
  readonly stored = new Map<string, StoredStream>();
  readonly video = new MemoryVideoCatalog();
  failAt: "setStatus" | "removeStream" | undefined;
  #epoch = 0;

  streams(): Promise<StoredStream[]> {
    return Promise.resolve([...this.stored.values()]);
  }

  addStream({ hashKeyRanges, ...stream }: NewStream): Promise<StoredStream> {
    const shards = hashKeyRanges.map((range, number) => {
      this.#epoch += 1;
      return { ...range, number, epoch: this.#epoch, logName: `${stream.id}/${number}` };
    });
    this.stored.set(stream.id, { ...stream, shards });
    return Promise.resolve({ ...stream, shards });
  }

  async setStatus(id: string, status: StreamStatus): Promise<void> {
    if (this.failAt === "setStatus") throw new Error("power cut");
    const stream = this.stored.get(id);
    if (stream !== undefined) this.stored.set(id, { ...stream, status });
  }

  async removeStream(id: string): Promise<void> {
    if (this.failAt === "removeStream") throw new Error("power cut");
    this.stored.delete(id);
  }

  tokenKey(): Promise<Buffer> {
    return Promise.resolve(Buffer.alloc(32));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryVideoCatalog implements VideoCatalog {
  readonly #streams = new Map<string, StoredVideoStream>();

  streams(): Promise<StoredVideoStream[]> {
    return Promise.resolve([...this.#streams.values()]);
  }

  put(stream: StoredVideoStream): Promise<void> {
    this.#streams.set(stream.id, stream);
    return Promise.resolve();
  }

  remove(id: string): Promise<void> {
    this.#streams.delete(id);
    return Promise.resolve();
  }
}
