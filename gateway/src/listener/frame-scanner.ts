/** The fixed header of an MQTT packet (MQTT 3.1.1, section 2.2). */
export interface FrameHeader {
  /** The packet type, 1 to 15: the upper half of the first byte. */
  readonly type: number;
  /** Bytes of the whole packet, fixed header included. */
  readonly bytes: number;
}

/** Where a scan stopped, and why. */
export interface ScanStep {
  /** Bytes up to here were seen. */
  readonly to: number;
  /** A packet's fixed header is complete: decide whether the rest may follow. */
  readonly header?: FrameHeader;
  /** A packet is complete. */
  readonly isEnd?: true;
  /** The remaining length has more than four bytes. */
  readonly isMalformed?: true;
}

export const packetTypes = { connect: 1, publish: 3 } as const;

/**
 * Finds the packets' bounds in a byte stream, however it is cut, without keeping any of it: what lets a packet be
 * refused by its declared length before its bytes are taken in.
 */
export class FrameScanner {
  #state: "type" | "length" | "body" = "type";
  #type = 0;
  /** Of the remaining length: what is decoded so far, and the next byte's weight. */
  #length = 0;
  #weight = 1;
  #headerBytes = 0;
  /** Bytes of the current packet that are still to come. */
  #missing = 0;

  /** Looks at `chunk` from `from` on and stops at the next thing worth knowing, or at the chunk's end. */
  scan(chunk: Uint8Array, from: number): ScanStep {
    let at = from;
    while (at < chunk.length) {
      if (this.#state === "body") {
        const step = Math.min(this.#missing, chunk.length - at);
        this.#missing -= step;
        at += step;
        if (this.#missing > 0) break;
        this.#state = "type";
        return { to: at, isEnd: true };
      }
      const byte = chunk[at] ?? 0;
      at++;
      if (this.#state === "type") {
        this.#begin(byte);
        continue;
      }
      this.#headerBytes++;
      this.#length += (byte & 0x7f) * this.#weight;
      this.#weight *= 128;
      if (byte >= 0x80) {
        if (this.#headerBytes > 4) return { to: at, isMalformed: true };
        continue;
      }
      this.#missing = this.#length;
      this.#state = this.#missing === 0 ? "type" : "body";
      const header = { type: this.#type, bytes: this.#headerBytes + this.#length };
      return this.#missing === 0 ? { to: at, header, isEnd: true } : { to: at, header };
    }
    return { to: at };
  }

  #begin(byte: number): void {
    this.#state = "length";
    this.#type = byte >> 4;
    this.#length = 0;
    this.#weight = 1;
    this.#headerBytes = 1;
  }
}
