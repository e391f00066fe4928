import { ENVELOPE_HEAD_BYTES, type EnvelopeHead, envelopeKinds, openEnvelope, sealEnvelope } from "./envelope-head.js";
import { UplinkError } from "./uplink-error.js";

/**
 * The payload of one MQTT message on a device's `video` topic: one piece of one spool and lane.
 *
 *     offset  size
 *      0     28   the {@link EnvelopeHead}, of kind 2
 *     28      8   sequence
 *     36      .   the piece
 *
 * Sequences rise within (spool id, stream, lane) and may have gaps.
 */
export interface VideoEnvelope extends EnvelopeHead {
  /** 0 to 2^53 - 1. */
  readonly sequence: number;
  /** An encoded {@link VideoPiece}. */
  readonly piece: Uint8Array;
}

/** What an envelope takes besides its piece. */
export const VIDEO_ENVELOPE_HEADER_BYTES = ENVELOPE_HEAD_BYTES + 8;

/** Encodes an envelope; the piece is copied once. */
export function encodeVideoEnvelope({ spoolId, lane, sequence, piece }: VideoEnvelope): Buffer {
  const bytes = Buffer.allocUnsafe(VIDEO_ENVELOPE_HEADER_BYTES + piece.length);
  bytes.writeBigUInt64LE(BigInt(sequence), ENVELOPE_HEAD_BYTES);
  bytes.set(piece, VIDEO_ENVELOPE_HEADER_BYTES);
  sealEnvelope(bytes, envelopeKinds.video, { spoolId, lane });
  return bytes;
}

/**
 * Decodes an envelope; the piece is a view into `payload`.
 * @throws {UplinkError} `malformed-envelope`, `unsupported-version` or `corrupt-envelope`.
 */
export function decodeVideoEnvelope(payload: Uint8Array): VideoEnvelope {
  const { bytes, spoolId, lane } = openEnvelope(payload, envelopeKinds.video, VIDEO_ENVELOPE_HEADER_BYTES);
  const sequence = Number(bytes.readBigUInt64LE(ENVELOPE_HEAD_BYTES));
  if (!Number.isSafeInteger(sequence))
    throw new UplinkError("malformed-envelope", "the piece has a sequence over 2^53 - 1");
  return { spoolId, lane, sequence, piece: bytes.subarray(VIDEO_ENVELOPE_HEADER_BYTES) };
}
