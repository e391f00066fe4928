import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusalOf } from "../testing/refusal-of.js";
import {
  blob,
  enumeration,
  type Encoding,
  integer,
  list,
  map,
  Reading,
  type Shape,
  string,
  structure,
  timestamp,
} from "./shape.js";

const input = structure({
  required: {
    StreamName: string({ min: 1, max: 8, pattern: "[a-z]+" }),
    Records: list(structure({ required: { Data: blob({ max: 3 }) }, optional: {} }), { min: 1, max: 2 }),
  },
  optional: {
    ShardCount: integer({ min: 1 }),
    Mode: enumeration("A", "B"),
    At: timestamp(),
    Tags: map(string({ min: 1 }), string({ max: 2 }), { min: 1, max: 2 }),
  },
});

function read<T>(shape: Shape<T>, value: unknown, encoding: Encoding = "json"): T {
  const reading = new Reading(encoding);
  const result = shape.read(value, reading);
  reading.finish();
  return result;
}

function message(value: unknown, encoding: Encoding = "json"): string {
  const refusal = refusalOf(() => read(input, value, encoding));
  return refusal === undefined ? "accepted" : `${refusal.code}: ${refusal.message}`;
}

const valid = { StreamName: "abc", Records: [{ Data: "YWI=" }] };

describe("constraints", () => {
  test("all violations come in one message, in AWS's words", () => {
    expect(message({ StreamName: "A", ShardCount: 0, Mode: "C", Records: [] })).toBe(
      "constraint-violated: 4 validation errors detected: " +
        "Value 'A' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; " +
        "Value '[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
        "Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
        "Value 'C' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
    );
  });

  test("a missing member is null; so is a null one", () => {
    expect(message({ StreamName: null, Records: valid.Records })).toBe(
      "constraint-violated: 1 validation error detected: " +
        "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    );
  });

  test("the place within lists is told, and no bytes are shown", () => {
    expect(message({ StreamName: "abc", Records: [{ Data: "" }, { Data: "YWJjZA==" }] })).toContain(
      "1 validation error detected: Value at 'records.2.member.data' failed to satisfy constraint: " +
        "Member must have length less than or equal to 3",
    );
  });

  test("a long value is cut, and many violations are not all told", () => {
    expect(message({ ...valid, StreamName: "a".repeat(5000) }).length).toBeLessThan(1300);
    const many = { ...valid, StreamName: "A".repeat(99), Tags: { a: "long", b: "long" }, Mode: "C", ShardCount: -1 };
    expect(message(many)).toMatch(/^constraint-violated: 6 validation errors/);
  });
});

describe("types", () => {
  test.each([
    [{ ...valid, StreamName: 1 }, "NUMBER_VALUE cannot be converted to String"],
    [{ ...valid, ShardCount: "1" }, "STRING_VALUE cannot be converted to Integer"],
    [{ ...valid, ShardCount: true }, "BOOLEAN_VALUE cannot be converted to Integer"],
    [{ ...valid, Records: {} }, "Start of structure or map found where not expected"],
    [{ ...valid, StreamName: [] }, "Start of list found where not expected"],
    [{ ...valid, Records: ["x"] }, "Expected null"],
    [[], "Start of list found where not expected"],
    ["x", "Expected null"],
    [null, "Expected null"],
  ])("%j", (value, expected) => {
    expect(message(value)).toBe(`body-malformed: ${expected}`);
  });

  test("base64 is strict: no odd lengths, no characters to be skipped, no other alphabet", () => {
    for (const Data of ["YWI", "YW I=", "Y-_=", "Y=I=", "!!!!", "YWI=\n\n\n\n"]) {
      expect(message({ ...valid, Records: [{ Data }] })).toMatch(/^body-malformed: /);
    }
  });

  test("a timestamp is a number of seconds in JSON, a date in CBOR", () => {
    expect(read(input, { ...valid, At: 1.5 }).At).toBe(1500);
    const cbor = { ...valid, Records: [{ Data: new Uint8Array(2) }] };
    expect(read(input, { ...cbor, At: new Date(1500) }, "cbor").At).toBe(1500);
    expect(message({ ...cbor, At: 1500 }, "cbor")).toBe(
      "body-malformed: NUMBER_VALUE cannot be converted to Timestamp",
    );
  });

  test("a timestamp that no calendar holds is malformed", () => {
    for (const At of [1e300, -1e300, 8.64e12 + 1])
      expect(message({ ...valid, At })).toMatch(/^body-malformed: .*range/);
    const cbor = { ...valid, Records: [{ Data: new Uint8Array(2) }], At: new Date(Number.NaN) };
    expect(message(cbor, "cbor")).toMatch(/^body-malformed: .*range/);
  });

  test("text far over its length is not even matched, since AWS's pattern for ARNs takes quadratic time to fail", () => {
    const arn = string({ max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+" });
    const hostile = `arn:aws${":kinesis:0".repeat(100_000)}`;
    // It would take minutes.
    expect(refusalOf(() => read(arn, hostile))?.message).toMatch(/length less than or equal to 2048$/);
    const unbounded = string({ pattern: "0|([1-9]\\d{0,38})" });
    expect(refusalOf(() => read(unbounded, "1".repeat(5000)))?.code).toBe("constraint-violated");
  });

  test("members that AWS does not know are ignored, and none comes from a prototype", () => {
    expect(read(input, { ...valid, Unknown: 1 })).toEqual({
      StreamName: "abc",
      Records: [{ Data: Buffer.from("ab") }],
    });
    const inherited = Object.create({ StreamName: "abc" }) as Record<string, unknown>;
    expect(message(Object.assign(inherited, { Records: valid.Records }))).toContain("Value null at 'streamName'");
  });
});

test("any value is either read or refused", () =>
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom<Encoding>("json", "cbor"), (value, encoding) => {
      expect(refusalOf(() => read(input, value, encoding))?.code).toBeOneOf([
        undefined,
        "body-malformed",
        "constraint-violated",
      ]);
    }),
    { numRuns: 1000 },
  ));

test("any bytes come back from base64", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const Data = Buffer.from(bytes).toString("base64");
      expect(Buffer.from(read(blob({ max: 50 }), Data)).equals(bytes)).toBe(true);
    }),
  ));
