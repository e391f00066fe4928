import { HASH_KEY_MAX } from "@headwater/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecord, encodeRecordHead, type StoredRecord } from "./stored-record.js";

const hashKey = fc.option(fc.bigInt({ min: 0n, max: HASH_KEY_MAX }), { nil: undefined });

test("what is stored comes back, byte for byte", () =>
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 64 }),
      hashKey,
      fc.uint8Array({ maxLength: 300 }),
      (partitionKey, explicitHashKey, data) => {
        const stored = decodeRecord(Buffer.concat([encodeRecordHead(partitionKey, explicitHashKey), data]));
        expect(stored.partitionKey).toBe(partitionKey);
        expect(stored.explicitHashKey).toBe(explicitHashKey);
        expect(stored.data.equals(data)).toBe(true);
      },
    ),
  ));

test("bytes of the format of today, so that tomorrow's code still reads them", () => {
  expect(encodeRecordHead("key", undefined).toString("hex")).toBe("010000036b6579");
  expect(encodeRecordHead("k", 258n).toString("hex")).toBe("01010001000000000000000000000000000001026b");
});

function decodedOrRefused(frame: Buffer): StoredRecord | RangeError {
  try {
    return decodeRecord(frame);
  } catch (error) {
    if (error instanceof RangeError) return error;
    throw error;
  }
}

test("other bytes are an error, not a record", () => {
  expect(() => decodeRecord(Buffer.from("02000001ff", "hex"))).toThrow("stored record has version 2, known is 1");
  expect(() => decodeRecord(Buffer.from("0100000a61", "hex"))).toThrow("shorter than its partition key");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(() => decodedOrRefused(Buffer.from(bytes))).not.toThrow();
    }),
  );
});
