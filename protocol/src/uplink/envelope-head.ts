import { crc32 } from "node:zlib";
import { UplinkError } from "./uplink-error.js";

/**
 * What every envelope, the payload of one MQTT message of the device protocol, begins with.
 *
 *     offset  size
 *      0      2   "HW"
 *      2      1   version, 1
 *      3      1   kind: 1 = records, 2 = video
 *      4      1   lane
 *      5      3   zero
 *      8     16   spool id (UUID)
 *     24      4   CRC-32 of everything from offset 28
 *     28      .   what the kind says
 *
 * All numbers are little-endian.
 */
export interface EnvelopeHead {
  /** UUID, lower case. */
  readonly spoolId: string;
  /** 0 to 255. */
  readonly lane: number;
}

const VERSION = 1;
export const ENVELOPE_HEAD_BYTES = 28;
export const envelopeKinds = { records: 1, video: 2 } as const;

/** The lanes; a lane is (class, live | backfill) as a small integer. */
export const lanes = { recordsLive: 0, videoLive: 2, videoBackfill: 3 } as const;

/** Writes the head of an envelope whose content stands in `bytes` already. */
export function sealEnvelope(bytes: Buffer, kind: number, { spoolId, lane }: EnvelopeHead): void {
  bytes.fill(0, 0, ENVELOPE_HEAD_BYTES);
  bytes.write("HW", 0, "latin1");
  bytes.writeUInt8(VERSION, 2);
  bytes.writeUInt8(kind, 3);
  bytes.writeUInt8(lane, 4);
  bytes.set(uuidBytes(spoolId), 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(ENVELOPE_HEAD_BYTES)), 24);
}

/**
 * Reads the head of an envelope and checks its content.
 * @param bytesMin what an envelope of this kind has at least.
 * @returns the head, and all of the payload as a Buffer.
 * @throws {UplinkError} `malformed-envelope`, `unsupported-version` or `corrupt-envelope`.
 */
export function openEnvelope(
  payload: Uint8Array,
  kind: number,
  bytesMin: number,
): EnvelopeHead & { readonly bytes: Buffer } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length < ENVELOPE_HEAD_BYTES || bytes.toString("latin1", 0, 2) !== "HW") {
    throw new UplinkError("malformed-envelope", "not an uplink envelope");
  }
  const [version, foundKind] = [bytes.readUInt8(2), bytes.readUInt8(3)];
  if (version !== VERSION || foundKind !== kind) {
    throw new UplinkError(
      "unsupported-version",
      `envelope version ${version} kind ${foundKind}, known: version ${VERSION} kind ${kind}`,
    );
  }
  if (bytes.readUIntLE(5, 3) !== 0) throw new UplinkError("malformed-envelope", "unknown envelope flags");
  if (crc32(bytes.subarray(ENVELOPE_HEAD_BYTES)) !== bytes.readUInt32LE(24))
    throw new UplinkError("corrupt-envelope", "the envelope's checksum does not match");
  if (bytes.length < bytesMin)
    throw new UplinkError("malformed-envelope", `an envelope has at least ${bytesMin} bytes, this one ${bytes.length}`);
  return { spoolId: uuidText(bytes.subarray(8, 24)), lane: bytes.readUInt8(4), bytes };
}

function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll("-", ""), "hex");
  if (bytes.length !== 16 || uuidText(bytes) !== uuid)
    throw new UplinkError("malformed-envelope", `not a UUID in lower case: ${uuid}`);
  return bytes;
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
