import { HASH_KEY_MAX, isPartitionKey, isStreamName, kinesisLimits } from "@headwater/protocol";
import { DeviceError } from "../sdk/device-error.js";

/** A record to put. */
export interface RecordInput {
  /** Kinesis stream name: 1 to 128 of `a-z A-Z 0-9 _ . -`. */
  readonly stream: string;
  /** 1 to 256 Unicode characters. Records of one key stay in order. */
  readonly partitionKey: string;
  /** A string is stored as UTF-8. With the partition key, at most 1 MiB. The bytes are copied before the call returns. */
  readonly data: Uint8Array | string;
  /** Decimal number from 0 to 2^128 - 1 that picks the shard instead of the partition key's hash. */
  readonly explicitHashKey?: string;
}

/** Up to 39 digits without leading zeros: the shape that Kinesis takes. */
const HASH_KEY = /^(0|[1-9]\d{0,38})$/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Checks a record against Kinesis's limits, so that nothing enters the spool that no stream would take.
 * @returns the record's data as bytes, still the caller's.
 * @throws {DeviceError} `invalid-stream`, `invalid-partition-key`, `invalid-explicit-hash-key`, `invalid-data`,
 * `record-too-large`.
 */
export function checkedData({ stream, partitionKey, data, explicitHashKey }: RecordInput): Uint8Array {
  if (typeof stream !== "string" || !isStreamName(stream)) {
    throw new DeviceError("invalid-stream", `a stream name has 1 to 128 of a-z A-Z 0-9 _ . -, not ${shown(stream)}`);
  }
  if (typeof partitionKey !== "string" || !isPartitionKey(partitionKey) || LONE_SURROGATE.test(partitionKey)) {
    const message = `a partition key has 1 to 256 Unicode characters, not ${shown(partitionKey)}`;
    throw new DeviceError("invalid-partition-key", message);
  }
  if (explicitHashKey !== undefined && !isHashKey(explicitHashKey)) {
    const message = `an explicit hash key is a decimal number from 0 to 2^128 - 1, not ${shown(explicitHashKey)}`;
    throw new DeviceError("invalid-explicit-hash-key", message);
  }
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw new DeviceError("invalid-data", "data is a Uint8Array or a string");
  }
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const size = bytes.length + Buffer.byteLength(partitionKey);
  if (size > kinesisLimits.recordBytesMax) {
    const message = `data and partition key take ${size} bytes together, the most is ${kinesisLimits.recordBytesMax}`;
    throw new DeviceError("record-too-large", message);
  }
  return bytes;
}

function isHashKey(text: unknown): boolean {
  return typeof text === "string" && HASH_KEY.test(text) && BigInt(text) <= HASH_KEY_MAX;
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 300)) : typeof value;
}
