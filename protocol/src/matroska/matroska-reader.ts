import { readBlockGroup, readSimpleBlock, type Block } from "./block.js";
import { ElementId } from "./element-id.js";
import { bigUintOf, type Element } from "./ebml.js";
import { ElementScanner, type Token } from "./element-scanner.js";
import type { MatroskaEvent } from "./event.js";
import { DocumentHeader } from "./document-header-reader.js";
import { defaultMatroskaLimits, type MatroskaLimits } from "./limits.js";
import { MatroskaError } from "./matroska-error.js";
import { END_OF_FRAGMENT_TAG, readTags, type FoundTag } from "./tag.js";

/**
 * Reads Matroska as it arrives, in chunks cut anywhere. What it holds is bounded by its limits, whatever the input; the
 * time it takes is linear in the input.
 * @see docs/reference/matroska.md
 */
export class MatroskaReader {
  readonly #limits: MatroskaLimits;
  readonly #scanner: ElementScanner;
  #document: DocumentHeader | undefined;
  /** Tags before the document's first Cluster, held until the document is told of. */
  #headerTags: MatroskaEvent[] = [];
  #cluster: { timecode: bigint | undefined } | undefined;
  #tags = { count: 0, bytes: 0 };
  #events: MatroskaEvent[] = [];
  #isReading = false;
  #failure: unknown;

  constructor(limits: MatroskaLimits = defaultMatroskaLimits) {
    this.#limits = limits;
    this.#scanner = new ElementScanner(limits);
  }

  /**
   * Takes the next bytes, and yields what is complete with them. Each call's events must be taken to the last before the
   * next call. Frames may be views into `chunk`, so its bytes must not be written to again.
   * @throws {MatroskaError} when the events before the fault have been yielded, and from then on.
   */
  *push(chunk: Uint8Array): Generator<MatroskaEvent, void, void> {
    yield* this.#read(() => this.#scanner.next(), chunk);
  }

  /**
   * The input has ended.
   * @throws {MatroskaError} `truncated` where it ended inside an element; the last Cluster then gets no `clusterEnd`.
   */
  *end(): Generator<MatroskaEvent, void, void> {
    yield* this.#read(() => this.#scanner.end());
  }

  *#read(next: () => Token | undefined, chunk?: Uint8Array): Generator<MatroskaEvent, void, void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isReading) throw new TypeError("the events of the chunk before were not taken to the last");
    this.#isReading = true;
    if (chunk !== undefined) this.#scanner.feed(chunk);
    try {
      for (let token = next(); token !== undefined; token = next()) {
        this.#take(token);
        if (this.#events.length === 0) continue;
        const events = this.#events;
        this.#events = [];
        yield* events;
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    this.#isReading = false;
  }

  #take(token: Token): void {
    if (token.kind === "element") this.#takeElement(token.element, token.head);
    else if (token.level === "segment") {
      if (token.kind === "open") this.#segmentBegins(token.offset);
      else this.#segmentEnds();
    } else if (token.kind === "open") this.#clusterBegins(token.offset);
    else this.#clusterEnds(token.offset);
  }

  #takeElement(element: Element, head: Buffer): void {
    switch (element.id) {
      case ElementId.ebml:
        if (this.#document?.hasSegment === false)
          throw new MatroskaError("misplaced", "an EBML header without a Segment", element.offset);
        this.#document = new DocumentHeader(element, head, this.#limits);
        return;
      case ElementId.info:
      case ElementId.tracks:
        this.#document?.add(element, head);
        return;
      case ElementId.tags:
        this.#takeTags(element);
        return;
      case ElementId.timecode:
        this.#takeTimecode(element);
        return;
      case ElementId.simpleBlock:
        this.#takeBlock(readSimpleBlock(element), element.offset);
        return;
      case ElementId.blockGroup:
        this.#takeBlock(readBlockGroup(element), element.offset);
    }
  }

  #segmentBegins(offset: number): void {
    if (this.#document === undefined || this.#document.hasSegment)
      throw new MatroskaError("misplaced", "a Segment without an EBML header", offset);
    this.#document.hasSegment = true;
    this.#tags = { count: 0, bytes: 0 };
  }

  #segmentEnds(): void {
    this.#endCluster();
    if (this.#document?.isComplete === true) this.#tellDocument(this.#document);
    this.#events.push(...this.#headerTags);
    this.#headerTags = [];
  }

  #tellDocument(document: DocumentHeader): void {
    if (document.isTold) return;
    document.isTold = true;
    this.#events.push(...document.events(), ...this.#headerTags);
    this.#headerTags = [];
  }

  #clusterBegins(offset: number): void {
    const document = this.#document;
    if (document?.isComplete !== true) throw new MatroskaError("misplaced", "a Cluster before Info and Tracks", offset);
    this.#endCluster();
    this.#tellDocument(document);
    this.#tags = { count: 0, bytes: 0 };
    this.#cluster = { timecode: undefined };
  }

  /** The element is over. Tags that follow are still the Cluster's. */
  #clusterEnds(offset: number): void {
    if (this.#cluster?.timecode === undefined)
      throw new MatroskaError("malformed", "a Cluster without a timecode", offset);
  }

  #endCluster(): void {
    if (this.#cluster !== undefined) this.#events.push({ kind: "clusterEnd" });
    this.#cluster = undefined;
  }

  #takeTimecode(element: Element): void {
    const { timecodeScaleNs } = this.#document!.info;
    if (this.#cluster!.timecode !== undefined)
      throw new MatroskaError("malformed", "a Cluster with two timecodes", element.offset);
    const timecode = bigUintOf(element);
    this.#cluster!.timecode = timecode;
    this.#events.push({ kind: "cluster", timecode, timecodeMs: scaled(Number(timecode), timecodeScaleNs) });
  }

  #takeBlock(block: Block, offset: number): void {
    const clusterTimecode = this.#cluster?.timecode;
    if (clusterTimecode === undefined)
      throw new MatroskaError("misplaced", "a block before its Cluster's timecode", offset);
    const track = this.#document?.track(block.track);
    if (track === undefined) throw new MatroskaError("unknown-track", `a block of track ${block.track}`, offset);
    const { timecodeScaleNs } = this.#document!.info;
    const timecodeMs = scaled(Number(clusterTimecode) + block.relativeTimecode, timecodeScaleNs);
    const { duration, isKey, frames } = block;
    const frameDurationMs =
      duration !== undefined
        ? (duration * timecodeScaleNs) / 1e6 / frames.length
        : track.defaultDurationNs !== undefined
          ? track.defaultDurationNs / 1e6
          : undefined;
    for (const [index, data] of frames.entries())
      this.#events.push({
        kind: "frame",
        track: track.number,
        timecodeMs: timecodeMs + index * (frameDurationMs ?? 0),
        durationMs: frameDurationMs,
        isKey,
        data,
      });
  }

  #takeTags(element: Element): void {
    const limits = this.#limits;
    this.#tags.bytes += element.data.length;
    if (this.#tags.bytes > limits.tagsBytesMax)
      throw new MatroskaError("tag-too-large", `${this.#tags.bytes} bytes of tags`, element.offset);
    for (const tag of readTags(element)) {
      const event = { kind: "tag", name: tag.name, value: tag.value } as const;
      if (this.#document?.isTold !== true) this.#headerTags.push(event);
      else {
        this.#checkTag(tag);
        this.#events.push(event);
        if (tag.name === END_OF_FRAGMENT_TAG) this.#endCluster();
      }
    }
  }

  #checkTag({ nameBytes, valueBytes, offset }: FoundTag): void {
    const { tagsMax, tagNameBytesMax, tagValueBytesMax } = this.#limits;
    if (++this.#tags.count > tagsMax)
      throw new MatroskaError("too-many-tags", `more than ${tagsMax} tags of one Cluster`, offset);
    if (nameBytes > tagNameBytesMax)
      throw new MatroskaError("tag-too-large", `a tag's name of ${nameBytes} bytes`, offset);
    if (valueBytes > tagValueBytesMax)
      throw new MatroskaError("tag-too-large", `a tag's value of ${valueBytes} bytes`, offset);
  }
}

/** In milliseconds. Multiplied first, a time since 1970 would lose its exact milliseconds. */
function scaled(timecode: number, timecodeScaleNs: number): number {
  return timecode * (timecodeScaleNs / 1e6);
}
