import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceError } from "../sdk/device-error.js";
import { checkedData, type RecordInput } from "./record-input.js";

const good: RecordInput = { stream: "sensors", partitionKey: "k", data: "x" };

test.each<[string, Partial<RecordInput>]>([
  ["a plain record", {}],
  ["a key of 256 characters beyond the basic plane", { partitionKey: "😀".repeat(256) }],
  ["the largest explicit hash key", { explicitHashKey: "340282366920938463463374607431768211455" }],
  ["the smallest explicit hash key", { explicitHashKey: "0" }],
  ["no data", { data: new Uint8Array() }],
  ["exactly 1 MiB with its key", { data: new Uint8Array(1024 * 1024 - 1) }],
  ["a name of 128 characters", { stream: "s".repeat(128) }],
])("takes %s", (_name, change) => {
  expect(checkedData({ ...good, ...change })).toBeInstanceOf(Uint8Array);
});

test.each<[string, Partial<Record<keyof RecordInput, unknown>>, string]>([
  ["an empty stream name", { stream: "" }, "invalid-stream"],
  ["a stream name with a slash", { stream: "a/b" }, "invalid-stream"],
  ["a stream name of 129 characters", { stream: "s".repeat(129) }, "invalid-stream"],
  ["a stream that is no string", { stream: 5 }, "invalid-stream"],
  ["an empty key", { partitionKey: "" }, "invalid-partition-key"],
  ["a key of 257 characters", { partitionKey: "k".repeat(257) }, "invalid-partition-key"],
  ["half a character as key", { partitionKey: "\ud83d" }, "invalid-partition-key"],
  ["no key", { partitionKey: undefined }, "invalid-partition-key"],
  [
    "2^128 as explicit hash key",
    { explicitHashKey: "340282366920938463463374607431768211456" },
    "invalid-explicit-hash-key",
  ],
  ["an explicit hash key in hexadecimal", { explicitHashKey: "0xff" }, "invalid-explicit-hash-key"],
  ["an explicit hash key with a leading zero", { explicitHashKey: "01" }, "invalid-explicit-hash-key"],
  ["an empty explicit hash key", { explicitHashKey: "" }, "invalid-explicit-hash-key"],
  ["a number as explicit hash key", { explicitHashKey: 5 }, "invalid-explicit-hash-key"],
  ["an object as data", { data: { celsius: 21 } }, "invalid-data"],
  ["no data at all", { data: undefined }, "invalid-data"],
  ["1 MiB of data, so that the key is too much", { data: new Uint8Array(1024 * 1024) }, "record-too-large"],
  ["text whose UTF-8 is too long", { data: "é".repeat(600_000) }, "record-too-large"],
])("refuses %s", (_name, change, code) => {
  expect(() => checkedData({ ...good, ...change } as RecordInput)).toThrow(
    expect.objectContaining({ name: "DeviceError", code, retriable: false }),
  );
});

test("whatever a caller passes, it is taken or refused with a typed error", () =>
  fc.assert(
    fc.property(
      fc.record({
        stream: fc.anything(),
        partitionKey: fc.anything(),
        data: fc.anything(),
        explicitHashKey: fc.anything(),
      }),
      (input) => {
        let outcome: unknown;
        try {
          outcome = checkedData(input as RecordInput);
        } catch (error) {
          outcome = error;
        }
        expect(outcome instanceof DeviceError || outcome instanceof Uint8Array).toBe(true);
      },
    ),
  ));
