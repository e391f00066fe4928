import { randomBytes, randomUUID } from "node:crypto";
import { signedRequest, type Target } from "./signed-request.js";

/** What one call of a load puts. */
export interface PutShape {
  /** Records a call; 1 is a PutRecord, more are a PutRecords. */
  readonly records: number;
  readonly recordBytes: number;
}

/**
 * Whole HTTP/1.1 requests, ready to be written to a socket again and again: random data under random partition keys.
 * Made ahead, they leave the generator nothing to do but to write.
 */
export function buildPutRequests(target: Target, count: number, shape: PutShape): Promise<Buffer[]> {
  const { stream: StreamName } = target;
  const { records, recordBytes } = shape;
  const record = () => ({ PartitionKey: randomUUID(), Data: randomBytes(recordBytes).toString("base64") });
  return Promise.all(
    Array.from({ length: count }, () =>
      records === 1
        ? signedRequest(target, "PutRecord", { StreamName, ...record() })
        : signedRequest(target, "PutRecords", { StreamName, Records: Array.from({ length: records }, record) }),
    ),
  );
}
