import { MatroskaReader, type MatroskaTrack } from "@headwater/protocol/matroska";

/** One fragment as GetMedia sends it. */
export interface ReadChunk {
  readonly tracks: readonly MatroskaTrack[];
  /** Before the Cluster. */
  readonly identity: Record<string, string>;
  readonly timecodeMs: number;
  readonly frames: {
    readonly track: number;
    readonly timeMs: number;
    readonly isKey: boolean;
    readonly data: Buffer;
  }[];
  /** After the Cluster, in order. */
  readonly tags: [name: string, value: string][];
}

/** Reads what GetMedia sends; a chunk is complete with its continuation token. */
export class ChunkReader {
  readonly chunks: ReadChunk[] = [];
  readonly #reader = new MatroskaReader();
  #tracks: readonly MatroskaTrack[] = [];
  #identity: Record<string, string> = {};
  #chunk: ReadChunk | undefined;

  push(bytes: Uint8Array): void {
    for (const event of this.#reader.push(bytes)) {
      if (event.kind === "document") [this.#chunk, this.#identity] = [undefined, {}];
      else if (event.kind === "tracks") this.#tracks = event.tracks;
      else if (event.kind === "cluster") {
        const { timecodeMs } = event;
        this.#chunk = { tracks: this.#tracks, identity: this.#identity, timecodeMs, frames: [], tags: [] };
      } else if (event.kind === "frame") {
        const { track, timecodeMs: timeMs, isKey, data } = event;
        this.#chunk?.frames.push({ track, timeMs, isKey, data });
      } else if (event.kind === "tag") {
        const name = event.name.replace(/^AWS_KINESISVIDEO_/, "");
        if (this.#chunk === undefined) this.#identity[name] = String(event.value);
        else this.#chunk.tags.push([name, String(event.value)]);
        if (name === "CONTINUATION_TOKEN" && this.#chunk !== undefined) this.chunks.push(this.#chunk);
      }
    }
  }
}

/** The frames' data up to the first zero, as text. */
export function names({ frames }: ReadChunk): string[] {
  return frames.map(({ data }) => data.toString().split("\0", 1)[0] ?? "");
}
