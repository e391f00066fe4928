import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusalOf } from "../testing/refusal-of.js";
import {
  blob,
  boolean,
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
    Keys: list(string({ min: 1, max: 2 }), { min: 1, max: 3 }),
    Sure: boolean(),
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

/** How AWS calls a number of JSON. */
const NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
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

  test.each([
    [
      { Tags: {} },
      "Value '{}' at 'tags' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      { Tags: { a: "b", c: "long" } },
      "Value '{a=b, c=long}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: " +
        "[Member must have length less than or equal to 2]",
    ],
    [
      { Tags: { "": "b" } },
      "Value '{=b}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: " +
        "[Member must have length greater than or equal to 1]",
    ],
    [
      { Keys: ["a", "long", ""] },
      "Value '[a, long, ]' at 'keys' failed to satisfy constraint: Member must satisfy constraint: " +
        "[Member must have length less than or equal to 2, Member must have length greater than or equal to 1]",
    ],
    [
      { Keys: ["a", "b", "c", "d"] },
      "Value '[a, b, c, d]' at 'keys' failed to satisfy constraint: Member must have length less than or equal to 3",
    ],
    [
      { ShardCount: -1e11 },
      "Value '-100000000000' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
  ])("texts in a list or a map are told of the whole: %j", (more, expected) => {
    expect(message({ ...valid, ...more })).toBe(`constraint-violated: 1 validation error detected: ${expected}`);
  });

  test("a list of structures that is too long is told without its value, and so is what is wrong within", () => {
    expect(message({ ...valid, Records: [{}, {}, {}] })).toMatch(
      /4 validation errors detected: Value at 'records' failed .* or equal to 2; Value null at 'records.1.member.data' /,
    );
  });

  test("members are told in the order that was declared", () => {
    const ordered = structure({
      order: ["C", "A"],
      required: { A: string(), B: string() },
      optional: { C: integer() },
    });
    expect(() => read(ordered, {})).toThrow(/'a'.*'b'/);
    expect(() => read(ordered, { C: "x", A: 1 })).toThrow("an Integer");
  });

  test("a whole number over 2^31 - 1 is taken for that", () => {
    expect(read(input, { ...valid, ShardCount: 1e11 }).ShardCount).toBe(2 ** 31 - 1);
  });

  test("a long value is cut, and many violations are not all told", () => {
    expect(message({ ...valid, StreamName: "a".repeat(100_000) }).length).toBeLessThan(66_000);
    const many = {
      ...valid,
      StreamName: "A".repeat(99),
      Records: Array.from({ length: 50 }, () => ({ Data: "YWJjZA==" })),
      ShardCount: -1,
    };
    expect(message(many)).toMatch(/^constraint-violated: 10 validation errors/);
  });
});

describe("types", () => {
  test.each([
    [{ ...valid, StreamName: 1 }, `${NUMBER} can not be converted to an String`],
    [{ ...valid, ShardCount: "1" }, "class java.lang.String can not be converted to an Integer"],
    [{ ...valid, ShardCount: true }, "class java.lang.Boolean can not be converted to an Integer"],
    [{ ...valid, Records: {} }, "Start of structure or map found where not expected."],
    [{ ...valid, ShardCount: {} }, "Start of structure or map found where not expected."],
    [{ ...valid, Records: "x" }, "Expected list or null"],
    [{ ...valid, Tags: 1 }, "Expected map or null"],
    [{ ...valid, Tags: { a: 1 } }, `${NUMBER} can not be converted to an String`],
    [{ ...valid, Tags: { a: { toString: 1 } } }, "Start of structure or map found where not expected."],
    [{ ...valid, Keys: [{ toString: 1 }] }, "Start of structure or map found where not expected."],
    [{ ...valid, At: true }, "class java.lang.Boolean can not be converted to milliseconds since epoch"],
    [{ ...valid, Sure: 1 }, `${NUMBER} can not be converted to an Boolean`],
    [{ ...valid, Sure: "perhaps" }, "'PERHAPS' can not be converted to an Boolean"],
    [{ ...valid, Records: [{ Data: 1 }] }, `${NUMBER} can not be converted to a Blob`],
    [{ ...valid, StreamName: [] }, "Start of list found where not expected"],
    [{ ...valid, Records: ["x"] }, "Expected null"],
    [[], "Start of list found where not expected"],
    ["x", "Expected null"],
    [null, "Expected null"],
  ])("%j", (value, expected) => {
    expect(message(value)).toBe(`body-malformed: ${expected}`);
  });

  test.each([
    ["23456", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"],
    ["=+/=", "Invalid Base64 character: '='"],
    ["A===", "Invalid Base64 character: '='"],
    ["====", "Invalid Base64 character: '='"],
    ["Y-_=", "Invalid Base64 character: '-'"],
    ["+/+=", "Invalid last non-pad Base64 character dectected"],
  ])("what is wrong with the base64 %s is told as AWS does", (Data, why) => {
    const told = `body-malformed: '${Data}' can not be converted to a Blob: ${why}`;
    expect(message({ ...valid, Records: [{ Data }] })).toBe(told);
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
      `body-malformed: ${NUMBER} can not be converted to milliseconds since epoch`,
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
