import { crc32 } from "node:zlib";
import type { Appended, Log, PackedFrames } from "../api.js";

/** Payloads in one piece of memory, with something before each, as those of other shards would be. */
export function packed(payloads: readonly Buffer[], between = Buffer.from("other")): PackedFrames {
  const ends: number[] = [];
  let end = 0;
  for (const { length } of payloads) ends.push((end += between.length + length));
  return {
    count: payloads.length,
    bytes: Buffer.concat(payloads.flatMap((payload) => [between, payload])),
    startOf: (frame) => ends[frame]! - payloads[frame]!.length,
    endOf: (frame) => ends[frame]!,
    checksumOf: (frame) => crc32(payloads[frame]!),
  };
}

/** Appends payloads without an object for each. @throws what the append was told. */
export function appendPacked(log: Log, shard: string, payloads: readonly Buffer[]): Promise<Appended> {
  return new Promise((resolve, reject) => {
    log.appendPacked(shard, {
      ...packed(payloads),
      appended: (position, arrivalMs) => resolve({ position, arrivalMs }),
      failed: reject,
    });
  });
}
