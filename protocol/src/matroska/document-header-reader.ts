import { ElementId } from "./element-id.js";
import type { Element } from "./ebml.js";
import type { MatroskaEvent } from "./event.js";
import { readEbmlHeader, readInfo, type MatroskaInfo } from "./header-elements.js";
import type { MatroskaLimits } from "./limits.js";
import { MatroskaError } from "./matroska-error.js";
import { readTracks } from "./track-entry.js";
import type { MatroskaTrack } from "./track.js";
import { segmentHead } from "./element-writer.js";

/** What stands before the first Cluster of one document, as it comes in. */
export class DocumentHeader {
  hasSegment = false;
  /** Whether {@link events} have gone out. */
  isTold = false;
  readonly #limits: MatroskaLimits;
  readonly #docType: string;
  /** The bytes of the EBML header, Info and Tracks, in the order of arrival. */
  readonly #parts = new Map<number, Buffer>();
  #info: MatroskaInfo | undefined;
  #tracks: MatroskaTrack[] | undefined;
  #tracksByNumber: ReadonlyMap<number, MatroskaTrack> = new Map();

  /** @throws {MatroskaError} `not-matroska`, `malformed`. */
  constructor(ebml: Element, head: Buffer, limits: MatroskaLimits) {
    this.#limits = limits;
    this.#docType = readEbmlHeader(ebml).docType;
    this.#parts.set(ElementId.ebml, Buffer.concat([head, ebml.data]));
  }

  get isComplete(): boolean {
    return this.#info !== undefined && this.#tracks !== undefined;
  }

  /** Only when complete. */
  get info(): MatroskaInfo {
    return this.#info!;
  }

  track(number: number): MatroskaTrack | undefined {
    return this.#tracksByNumber.get(number);
  }

  /**
   * Takes Info or Tracks. They may be repeated, as they are in live streams, but not changed.
   * @throws {MatroskaError} `misplaced`, `header-too-large` and what is wrong inside.
   */
  add(element: Element, head: Buffer): void {
    // A copy: what is kept for the whole document must not hold on to a large chunk. Values read from it are views into it.
    const bytes = Buffer.concat([head, element.data]);
    const before = this.#parts.get(element.id);
    if (before !== undefined) {
      if (before.equals(bytes)) return;
      throw new MatroskaError("misplaced", "Info or Tracks change within a document", element.offset);
    }
    let sum = bytes.length;
    for (const part of this.#parts.values()) sum += part.length;
    if (sum > this.#limits.headerBytesMax)
      throw new MatroskaError("header-too-large", `a header of ${sum} bytes`, element.offset);
    const kept = { ...element, data: bytes.subarray(head.length) };
    if (element.id === ElementId.info) this.#info = readInfo(kept);
    else {
      this.#tracks = readTracks(kept, this.#limits);
      this.#tracksByNumber = new Map(this.#tracks.map((track) => [track.number, track]));
    }
    this.#parts.set(element.id, bytes);
  }

  events(): MatroskaEvent[] {
    const [ebml = Buffer.of(), ...rest] = this.#parts.values();
    const header = Buffer.concat([ebml, segmentHead, ...rest]);
    return [
      { kind: "document", header, docType: this.#docType, ...this.info },
      { kind: "tracks", tracks: this.#tracks! },
    ];
  }
}
