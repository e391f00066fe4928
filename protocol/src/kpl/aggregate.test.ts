import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AggregateBuilder, readAggregate, type UserRecord } from "./aggregate.js";

const userRecord: fc.Arbitrary<UserRecord> = fc
  .record({
    partitionKey: fc.oneof(fc.constantFrom("a", "b", "ключ"), fc.string({ minLength: 1, maxLength: 300 })),
    explicitHashKey: fc.option(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(String), { nil: undefined }),
    data: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ explicitHashKey, ...rest }) => (explicitHashKey === undefined ? rest : { ...rest, explicitHashKey }));

/** As the format says, written by hand. */
function framed(message: Uint8Array): Uint8Array {
  const digest = createHash("md5").update(message).digest();
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), message, digest]);
}

test("the bytes of an aggregate, field by field", () => {
  const builder = new AggregateBuilder();
  builder.add({ partitionKey: "k", data: Buffer.from("one") });
  builder.add({ partitionKey: "l", explicitHashKey: "7", data: Buffer.from("") });
  const message = Buffer.concat([
    Buffer.from("0a016b", "hex"), // partition_key_table: "k"
    Buffer.from("0a016c", "hex"), // partition_key_table: "l"
    Buffer.from("120137", "hex"), // explicit_hash_key_table: "7"
    Buffer.from("1a0708001a036f6e65", "hex"), // records: {0, "one"}
    Buffer.from("1a06080110001a00", "hex"), // records: {1, 0, ""}
  ]);
  expect(Buffer.from(builder.finish()).toString("hex")).toBe(Buffer.from(framed(message)).toString("hex"));
});

test("what was packed comes out the same, and was as large as it was said to be", () =>
  fc.assert(
    fc.property(fc.array(userRecord, { maxLength: 200 }), (records) => {
      const builder = new AggregateBuilder();
      for (const record of records) {
        const said = builder.bytesWith(record);
        builder.add(record);
        expect(builder.bytes).toBe(said);
      }
      const packed = builder.finish();
      expect(packed).toHaveLength(builder.bytes);
      expect(builder.count).toBe(records.length);
      expect(readAggregate(packed)?.map((record) => ({ ...record, data: Array.from(record.data) }))).toEqual(
        records.map((record) => ({ ...record, data: Array.from(record.data) })),
      );
    }),
    { numRuns: 50 },
  ));

test("tables behind the records, fields that nobody knows and tags are no hindrance", () => {
  const message = Buffer.concat([
    Buffer.from("1a0c08001a017822050a03746167", "hex"), // records: {0, "x", a tag}
    Buffer.from("7801", "hex"), // field 15, a number
    Buffer.from("0a016b", "hex"), // partition_key_table: "k"
  ]);
  expect(readAggregate(framed(message))).toEqual([{ partitionKey: "k", data: Buffer.from("x") }]);
});

test.each<[string, Uint8Array]>([
  ["nothing", new Uint8Array()],
  ["the four bytes alone", Buffer.from("f3899ac2", "hex")],
  ["a wrong digest", Buffer.concat([Buffer.from("f3899ac2", "hex"), Buffer.alloc(16, 1)])],
  ["a length beyond the end", framed(Buffer.from("0aff01", "hex"))],
  ["a number without an end", framed(Buffer.from("08ffffffffffffffffffffff", "hex"))],
  ["a partition key that is not in the table", framed(Buffer.from("1a0508001a0178", "hex"))],
  ["a hash key that is not in the table", framed(Buffer.from("0a016b1a07080010001a0178", "hex"))],
  ["a record without data", framed(Buffer.from("0a016b1a020800", "hex"))],
  ["a group, which is not used any more", framed(Buffer.from("0b", "hex"))],
])("%s is no aggregate", (_, bytes) => {
  expect(readAggregate(bytes)).toBeUndefined();
});

test("no bytes behind a right digest make it throw", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
      expect(readAggregate(framed(message))?.length ?? 0).toBeLessThanOrEqual(message.length);
    }),
  ));
