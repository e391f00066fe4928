import { ID_BYTES_MAX, SIZE_BYTES_MAX, hexId, isReservedId, readSize, vintBytes, type Element } from "./ebml.js";
import { placementOf, type Level, type Placement } from "./element-placement.js";
import type { MatroskaLimits } from "./limits.js";
import { MatroskaError, type MatroskaErrorCode } from "./matroska-error.js";
import { PayloadBuffer } from "./payload-buffer.js";

export type Token =
  /** A Segment or Cluster begins. */
  | { readonly kind: "open"; readonly level: "segment" | "cluster"; readonly offset: number }
  /** It ends: by its size, by an element that cannot be in it, or with the input. */
  | { readonly kind: "close"; readonly level: "segment" | "cluster"; readonly offset: number }
  /** A whole element; `head` is its ID and size as sent, for those of a document's header. */
  | { readonly kind: "element"; readonly element: Element; readonly head: Buffer };

const noBytes = Buffer.of();

/** A Segment or Cluster that is open. */
interface OpenMaster {
  readonly level: "segment" | "cluster";
  readonly startsAt: number;
  readonly isSizeKnown: boolean;
  /** Where it, or what is around it, ends; Infinity where neither says. */
  readonly endsAt: number;
}

/** An element that is to be read whole, and is not yet here. */
interface Gathering {
  readonly id: number;
  readonly offset: number;
  readonly head: Buffer;
  readonly data: PayloadBuffer;
}

/**
 * Cuts the byte stream into elements. Segment and Cluster are walked through, what has to be read is gathered whole, all
 * else is passed over; so there are never more than two open elements and one buffer.
 */
export class ElementScanner {
  readonly #limits: MatroskaLimits;
  readonly #open: OpenMaster[] = [];
  #chunk: Buffer = Buffer.of();
  #at = 0;
  /** Bytes of the input before `#chunk[#at]`. */
  #position = 0;

  /** ID and size of the element that begins. They stay while they wait for the Cluster and Segment before to be closed. */
  readonly #head = Buffer.alloc(ID_BYTES_MAX + SIZE_BYTES_MAX);
  #headBytes = 0;
  #gathering: Gathering | undefined;
  #bytesToSkip = 0;

  constructor(limits: MatroskaLimits) {
    this.#limits = limits;
  }

  /** Takes the next bytes; those before must have been used up, by asking {@link next} until there is no more. */
  feed(chunk: Uint8Array): void {
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
  }

  /**
   * @returns undefined where more bytes are needed.
   * @throws {MatroskaError}
   */
  next(): Token | undefined {
    for (;;) {
      if (this.#bytesToSkip > 0) {
        this.#bytesToSkip -= this.#advance(this.#bytesToSkip).length;
        if (this.#bytesToSkip > 0) return undefined;
      }
      if (this.#gathering !== undefined) return this.#gather(this.#gathering);
      const master = this.#open.at(-1);
      if (master !== undefined && this.#headBytes === 0 && this.#position >= master.endsAt) return this.#close();
      if (!this.#readHead()) return undefined;
      const token = this.#begin();
      if (token !== undefined) return token;
    }
  }

  /**
   * The input ends: the next element to close, undefined where all are.
   * @throws {MatroskaError} `truncated`.
   */
  end(): Token | undefined {
    const master = this.#open.at(-1);
    if (
      this.#headBytes > 0 ||
      this.#gathering !== undefined ||
      this.#bytesToSkip > 0 ||
      (master?.endsAt ?? Infinity) < Infinity
    )
      throw new MatroskaError("truncated", "the input ends inside an element", this.#position);
    return master && this.#close();
  }

  #advance(bytesMax: number): Buffer {
    const bytes = this.#chunk.subarray(this.#at, this.#at + bytesMax);
    this.#at += bytes.length;
    this.#position += bytes.length;
    return bytes;
  }

  #readHead(): boolean {
    while (this.#headBytes < this.#headBytesNeeded()) {
      if (this.#at === this.#chunk.length) return false;
      this.#head[this.#headBytes++] = this.#chunk[this.#at++]!;
      this.#position++;
    }
    return true;
  }

  /** As far as the bytes that are here tell. */
  #headBytesNeeded(): number {
    if (this.#headBytes === 0) return 1;
    const idBytes = vintBytes(this.#head[0]!);
    if (idBytes > ID_BYTES_MAX)
      throw this.#fail(this.#open.length === 0 ? "not-matroska" : "malformed", "no element ID");
    if (this.#headBytes <= idBytes) return idBytes + 1;
    const sizeBytes = vintBytes(this.#head[idBytes]!);
    if (sizeBytes > SIZE_BYTES_MAX) throw this.#fail("malformed", "no element size");
    return idBytes + sizeBytes;
  }

  /** The element whose head is complete begins, unless it ends one before it. */
  #begin(): Token | undefined {
    const idBytes = vintBytes(this.#head[0]!);
    const id = this.#head.readUIntBE(0, idBytes);
    const sizeBytes = readSize(this.#head, idBytes, this.#headBytes - idBytes);
    const offset = this.#position - this.#headBytes;
    const master = this.#open.at(-1);
    const level: Level = master?.level ?? "document";
    if (isReservedId(id)) throw this.#fail("malformed", "a reserved element ID");

    const placement = placementOf(level, id);
    if (placement === "ends-level" && master !== undefined && !master.isSizeKnown) return this.#close();
    if (placement === "ends-level" || placement === "misplaced")
      throw this.#fail(level === "document" ? "not-matroska" : "misplaced", `element ${hexId(id)} in the ${level}`);

    const isMaster = placement === "segment" || placement === "cluster";
    if (sizeBytes === undefined && !isMaster) throw this.#fail("malformed", `unknown size of element ${hexId(id)}`);
    const endsAt = this.#position + (sizeBytes ?? 0);
    if (sizeBytes === Infinity) throw this.#fail("malformed", `size of element ${hexId(id)}`);
    if (endsAt > (master?.endsAt ?? Infinity))
      throw this.#fail("malformed", `element ${hexId(id)} runs past the ${level} around it`);
    if (level === "cluster" || placement === "cluster") {
      const clusterBytes = endsAt - (level === "cluster" ? master!.startsAt : offset);
      if (clusterBytes > this.#limits.clusterBytesMax)
        throw this.#fail("cluster-too-large", `a Cluster of ${clusterBytes} bytes or more`);
    }

    if (isMaster) {
      const isSizeKnown = sizeBytes !== undefined;
      this.#open.push({
        level: placement,
        startsAt: offset,
        isSizeKnown,
        endsAt: isSizeKnown ? endsAt : (master?.endsAt ?? Infinity),
      });
      this.#headBytes = 0;
      return { kind: "open", level: placement, offset };
    }
    const size = sizeBytes ?? 0;
    this.#checkSize(placement, id, size);
    const head = placement === "header" ? Buffer.from(this.#head.subarray(0, this.#headBytes)) : noBytes;
    this.#headBytes = 0;
    if (placement === "skip" || placement === "unknown") this.#bytesToSkip = size;
    else if (this.#chunk.length - this.#at >= size)
      return { kind: "element", element: { id, data: this.#advance(size), offset }, head };
    else this.#gathering = { id, offset, head, data: new PayloadBuffer(size) };
    return undefined;
  }

  #checkSize(placement: Placement, id: number, size: number): void {
    const { headerBytesMax, tagsBytesMax, unknownElementBytesMax } = this.#limits;
    const fail = (code: MatroskaErrorCode): MatroskaError =>
      this.#fail(code, `${placement} element ${hexId(id)} of ${size} bytes`);
    if (placement === "header" && size > headerBytesMax) throw fail("header-too-large");
    if (placement === "tags" && size > tagsBytesMax) throw fail("tag-too-large");
    if (placement === "number" && size > 8) throw fail("malformed");
    if (placement === "unknown" && size > unknownElementBytesMax) throw fail("malformed");
  }

  #gather(gathering: Gathering): Token | undefined {
    const { id, offset, head, data } = gathering;
    data.append(this.#advance(data.missingBytes));
    if (data.missingBytes > 0) return undefined;
    this.#gathering = undefined;
    return { kind: "element", element: { id, data: data.take(), offset }, head };
  }

  #close(): Token {
    const { level, startsAt } = this.#open.pop()!;
    return { kind: "close", level, offset: startsAt };
  }

  /** The error of the element whose head is being read. */
  #fail(code: MatroskaErrorCode, message: string): MatroskaError {
    return new MatroskaError(code, message, this.#position - this.#headBytes);
  }
}
