import { decodePiece, decodeVideoEnvelope } from "@headwater/protocol";

/** A fragment as far as it has arrived. */
export interface ArrivedFragment {
  readonly stream: string;
  readonly fragment: number;
  readonly lane: number;
  readonly producerMs: number;
  readonly clockUnsynchronised: boolean;
  readonly frames: Buffer[];
  pieces: number;
  isEnded: boolean;
}

/**
 * What a gateway does with pieces: keeps what is above the watermark of its spool, stream and lane, and takes the rest
 * for repeats. It holds the device to what a correct one does: whole fragments in one lane, repeats of the same bytes.
 */
export class PieceGateway {
  /** In order of arrival of their first piece. */
  readonly fragments: ArrivedFragment[] = [];
  repeats = 0;
  /** What a correct device never sends. */
  readonly faults: string[] = [];
  readonly #watermarks = new Map<string, number>();
  readonly #seen = new Map<string, string>();

  take(payload: Uint8Array): void {
    const { lane, piece: bytes, sequence, spoolId } = decodeVideoEnvelope(payload);
    const piece = decodePiece(bytes);
    const mark = `${spoolId}/${piece.stream}/${lane}`;
    const identity = `${spoolId}/${sequence}`;
    const content = `${lane} ${Buffer.from(bytes).toString("base64")}`;
    const first = this.#seen.get(identity);
    if (first !== undefined && first !== content) this.faults.push(`${identity} came again in another way`);
    if (sequence <= (this.#watermarks.get(mark) ?? 0)) {
      if (first === undefined) this.faults.push(`${identity} is new, but below the watermark`);
      this.repeats++;
      return;
    }
    this.#watermarks.set(mark, sequence);
    this.#seen.set(identity, content);
    this.#keep(piece, lane);
  }

  #keep(piece: ReturnType<typeof decodePiece>, lane: number): void {
    const { stream, fragment, index, isLast, producerMs, clockUnsynchronised, slices } = piece;
    let arrived = this.fragments.find((other) => other.stream === stream && other.fragment === fragment);
    if (arrived === undefined) {
      const about = { stream, fragment, lane, producerMs, clockUnsynchronised };
      arrived = { ...about, frames: [], pieces: 0, isEnded: false };
      this.fragments.push(arrived);
    }
    const fits = arrived.lane === lane && arrived.producerMs === producerMs && !arrived.isEnded;
    if (!fits || arrived.pieces !== index) this.faults.push(`piece ${index} of fragment ${fragment} fits nowhere`);
    arrived.pieces++;
    arrived.isEnded = isLast;
    for (const { offset, data } of slices) {
      if (offset === 0) arrived.frames.push(Buffer.from(data));
      else arrived.frames.push(Buffer.concat([arrived.frames.pop() ?? Buffer.of(), data]));
    }
  }
}
