import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CloudError } from "../cloud-error.js";
import { refusalOf } from "../testing/refusal-of.js";
import { codecFor, decodeLargeJson, type WireCodec } from "./wire-codec.js";

function codec(contentType: string): WireCodec {
  const found = codecFor(contentType);
  if (found === undefined) throw new Error(`no codec for ${contentType}`);
  return found;
}

const json = codec("application/x-amz-json-1.1");
const cbor = codec("application/x-amz-cbor-1.1");

test("a content type may have parameters and any case; others are none of ours", () => {
  expect(codecFor("Application/X-AMZ-JSON-1.1; charset=UTF-8")).toBe(json);
  expect([codecFor("application/json"), codecFor(""), codecFor(undefined)]).toEqual([undefined, undefined, undefined]);
});

describe("JSON", () => {
  test("bytes are base64, dates are seconds with a fraction, absent members are left out", () => {
    const output = {
      Data: Buffer.from("hi"),
      At: new Date(1_700_000_000_123),
      None: undefined,
      Key: 'a"é',
      List: [1, true, null],
    };
    expect(json.encode(output).toString("utf8")).toBe(
      '{"Data":"aGk=","At":1700000000.123,"Key":"a\\"é","List":[1,true,null]}',
    );
  });

  test("anything that it writes, JSON.parse reads as it was", () =>
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = json.encode(value).toString("utf8");
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    ));

  test("a body is read the same over several turns, whatever it holds", () =>
    fc.assert(
      fc.asyncProperty(
        fc.json({ stringUnit: "grapheme" }),
        fc.option(fc.tuple(fc.nat(), fc.nat(255)), { freq: 2 }),
        async (text, change) => {
          const body = Buffer.from(text);
          if (change !== null) body[change[0] % body.length] = change[1];
          let read: unknown;
          const refusal = refusalOf(() => void (read = json.decode(body)));
          const inTurns = await decodeLargeJson(body).catch((error: unknown) => error);
          expect(inTurns).toEqual(refusal ?? read);
        },
      ),
    ));

  test.each([0, 1, 2, 3])(
    "also where its characters lie across the parts that it is decoded in: %i",
    async (before) => {
      const text = " ".repeat(before) + "€😀é".repeat(300_000);
      expect(await decodeLargeJson(Buffer.from(JSON.stringify([text])))).toEqual([text]);
    },
  );
});

describe("CBOR, from bytes made by hand from the contract", () => {
  test("what Java's SDK sends: maps and lists of indefinite length, byte strings, dates as tag 1 over milliseconds", () => {
    // {_ "StreamName": "s", "Data": h'0102', "Timestamp": 1(1700000000123), "Shards": [_ 1]}
    const body =
      "bf" +
      "6a53747265616d4e616d65" +
      "6173" +
      "6444617461" +
      "420102" +
      "6954696d657374616d70" +
      "c11b0000018bcfe5687b" +
      "66536861726473" +
      "9f01ff" +
      "ff";
    expect(cbor.decode(Buffer.from(body, "hex"))).toEqual({
      StreamName: "s",
      Data: new Uint8Array([1, 2]),
      Timestamp: new Date(1_700_000_000_123),
      Shards: [1],
    });
  });

  test("bytes are views of the body: nothing of 10 MiB is copied", () => {
    const body = Buffer.from("8244010203045803050607", "hex");
    const read = cbor.decode(body) as Uint8Array[];
    expect(read.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(["01020304", "050607"]);
    for (const bytes of read) expect(bytes.buffer).toBe(body.buffer);
  });

  test("text and bytes in parts, as Jackson writes long text, also as a key", () => {
    // {_ (_ "Str", "eam"): (_ "é", "", "b"), "Data": (_ h'01', h'0203'), "None": [(_ ), (_ )]}
    const body =
      "bf" +
      "7f6353747263" +
      "65616dff" +
      "7f62c3a9606162ff" +
      "6444617461" +
      "5f4101420203ff" +
      "644e6f6e65" +
      "827fff5fff" +
      "ff";
    expect(cbor.decode(Buffer.from(body, "hex"))).toEqual({
      Stream: "éb",
      Data: Buffer.from([1, 2, 3]),
      None: ["", Buffer.alloc(0)],
    });
  });

  test("however a text is cut into parts, it reads the same", () =>
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 8 }), (texts) => {
        const inParts = (type: number) => [
          (type << 5) | 31,
          ...texts.flatMap((text) => {
            const bytes = Buffer.from(text);
            return [(type << 5) | 25, bytes.length >> 8, bytes.length & 255, ...bytes];
          }),
          0xff,
        ];
        const whole = texts.join("");
        expect(cbor.decode(Buffer.from([0x82, ...inParts(3), ...inParts(2)]))).toEqual([whole, Buffer.from(whole)]);
      }),
    ));

  test("what we answer", () => {
    const output = { A: new Date(1_700_000_000_123), D: Buffer.from([1, 2]), N: undefined, K: null };
    // {"A": 1(1700000000123), "D": h'0102', "K": null}
    expect(cbor.encode(output).toString("hex")).toBe(
      ["a3", "6141c11b0000018bcfe5687b", "6144420102", "614bf6"].join(""),
    );
  });

  test.each([
    ["nothing", ""],
    ["truncated", "bf6a5374726561"],
    ["two items", "a0a0"],
    ["a key twice", "a2616101616102"],
    ["a key that is no text", "a10102"],
    ["an unknown tag", "c26101"],
    ["a date that is no number", "c16178"],
    ["undefined", "f7"],
    ["text that is no UTF-8", "61ff"],
    ["a character cut off", "63f09f98"],
    ["an array of four thousand million", "9affffffff"],
    ["text that announces 2^62 bytes", "7b4000000000000000"],
    ["text in parts without an end", "817f6161"],
    ["text in parts, one of them bytes", "817f4161ff"],
    ["bytes in parts, one of them text", "815f6161ff"],
    ["parts within parts", "817f7f6161ffff"],
    ["a number for a part", "817f01ff"],
    ["a part that is cut off", "817f6261"],
    ["a character across two parts", "817f61c361a9ff"],
    ["a part that announces 2^62 bytes", "815f5b4000000000000000"],
    ["too many parts of nothing", `817f${"60".repeat(1 << 16)}ff`],
    ["a break where a list's item should be", "81ff"],
    ["an end of nothing", "ff"],
    ["ten thousand arrays within each other", "81".repeat(10_000)],
  ])("%s is malformed", (_, hex) => {
    expect(() => cbor.decode(Buffer.from(hex, "hex"))).toThrow(CloudError);
  });
});

/** Mostly small items and the beginnings and ends of what holds others, so that much of it goes together. */
const cborish = fc
  .array(fc.constantFrom(0x01, 0x20, 0x40, 0x41, 0x5f, 0x60, 0x61, 0x7f, 0x81, 0x9f, 0xa1, 0xbf, 0xc1, 0xf6, 0xff), {
    maxLength: 24,
  })
  .map((items) => Uint8Array.from(items));

test("any bytes are read or malformed, in either codec", () =>
  fc.assert(
    fc.property(fc.constantFrom(json, cbor), fc.oneof(fc.uint8Array({ maxLength: 64 }), cborish), (codec, bytes) => {
      expect(refusalOf(() => codec.decode(Buffer.from(bytes)))?.code).toBeOneOf([undefined, "body-malformed"]);
    }),
    { numRuns: 2000 },
  ));
