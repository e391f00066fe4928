import * as fc from "fast-check";
import { expect, test } from "vitest";
import { codecFor, type WireCodec } from "../codec/wire-codec.js";
import { SlabPool } from "@headwater/log";
import { BodyBytes } from "../http/body-bytes.js";
import { RequestMemory } from "../request-memory.js";
import type { HashRouter } from "../streams/hash-router.js";
import type { RecordBatch } from "../streams/record-batch.js";
import { operations } from "./index.js";
import type { OperationContext } from "./operation.js";
import { readPlainRecord, readPlainRecords } from "./plain-records.js";

type Name = "PutRecord" | "PutRecords";

const json = codecFor("application/x-amz-json-1.1") as WireCodec;
const memory = new RequestMemory(new SlabPool(0));
const facts = { producer: undefined, memory, answerBytesMax: () => 0, gone: () => new AbortController().signal };

/** Thrown in place of storing: what an operation read its input as. */
class Read extends Error {
  constructor(
    readonly streamName: string,
    readonly stored: readonly unknown[],
  ) {
    super("read");
  }
}

const context = {
  service: {
    region: "us-east-1",
    accountId: "000000000000",
    find: () => ({ settings: { maxRecordKib: 10_240 } }),
    putRecords(streamName: string, records: RecordBatch): Promise<never> {
      const stored = Array.from({ length: records.count }, (_, i) => ({
        bytes: records.stored(i).toString("hex"),
        limitBytes: records.limitBytes(i),
        checksum: records.checksum(i),
        hashKey: records.hashKey(i),
        first48: records.route(i, { routeFirst48: (first48: number) => first48 } as unknown as HashRouter<never>),
      }));
      return Promise.reject(new Read(streamName, stored));
    },
  },
} as unknown as OperationContext;

async function outcomeOf(run: () => Promise<unknown> | undefined): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Read) return { streamName: error.streamName, stored: error.stored };
    return error instanceof Error ? { refused: error.message } : error;
  }
}

const quickly = { PutRecord: readPlainRecord, PutRecords: readPlainRecords };

/** As a body comes: in pieces that end anywhere. */
function inPieces(body: Buffer): BodyBytes {
  const cuts = [0, body.length % 7, body.length >> 1, body.length - (body.length % 11), body.length];
  return new BodyBytes(cuts.slice(1).map((to, i) => body.subarray(cuts[i], to)));
}

/**
 * What a body is by the quick way (undefined where that leaves it to the long one), and by the long one; also by what the long one
 * makes of a large body.
 */
async function bothWays(name: Name, body: Buffer): Promise<{ quick: unknown; long: unknown }> {
  const operation = operations.get(name);
  const long = await outcomeOf(() => operation?.run(json.decode(body), "json", context, facts));
  const plain = await outcomeOf(() => operation?.runPlain(inPieces(body), context, facts, memory));
  expect(plain ?? long).toEqual(long);
  return { quick: quickly[name](inPieces(body), memory) === undefined ? undefined : plain, long };
}

/** Values as they stand in the text: mostly right, of each kind some that are not. */
const mostly = (right: fc.Arbitrary<string>, others: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const quoted = (value: string): string => JSON.stringify(value);

const letters = new Map([
  ["/", "/"],
  ["\b", "b"],
  ["\f", "f"],
  ["\n", "n"],
  ["\r", "r"],
  ["\t", "t"],
]);

/** An escape for each of a character's units of UTF-16. */
function escapeOf(character: string, isUpperCase: boolean): string {
  const letter = letters.get(character);
  if (letter !== undefined && isUpperCase) return `\\${letter}`;
  const units = Array.from({ length: character.length }, (_, i) =>
    character.charCodeAt(i).toString(16).padStart(4, "0"),
  );
  return units.map((unit) => `\\u${isUpperCase ? unit.toUpperCase() : unit}`).join("");
}

/** Texts as JSON, some of them with escapes that need not be. */
const anyQuoted = (texts: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(texts, fc.constantFrom(0, 0, 1, 8), fc.array(fc.nat(15), { minLength: 1, maxLength: 16 }))
    .map(([text, weight, dice]) => {
      const json = Array.from(text, (character, i) => {
        const die = dice[i % dice.length] ?? 0;
        return die < weight ? escapeOf(character, die % 2 === 0) : quoted(character).slice(1, -1);
      });
      return `"${json.join("")}"`;
    });

const bytes = anyQuoted(fc.uint8Array({ maxLength: 200 }).map((given) => Buffer.from(given).toString("base64")));
const data = mostly(bytes, [
  '"A==="',
  '"AAAA===="',
  '"AA==AA=="',
  '"AB=="',
  '"AAAAAAAAAAAAAAAAAAB="',
  '"QUJD\\""',
  '"QUI\\u0000"',
  '"QUI=\\u0000"',
  '"A=A="',
  '"AA-_"',
  '"AA\\/+"',
  '"AAA\\u003d"',
  '"QUI"',
  '"QU I"',
  '"é==="',
  "{}",
  "null",
]);
const key = mostly(
  anyQuoted(
    fc.oneof(fc.string({ minLength: 1, maxLength: 12 }), fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" })),
  ),
  [
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d!"',
    '"\\ud83d\\u0041"',
    '"\\u00g0"',
    '"\\x"',
    '"\\',
    '"é€😀"',
    "null",
    "7",
    '""',
    quoted("k".repeat(256)),
    quoted("k".repeat(257)),
    quoted("k".repeat(70_000)),
    '"\x7f"',
    '"\x1f"',
  ],
);
const hashKey = mostly(
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => quoted(String(value))),
  ['"00"', '"-1"', '""', '"1e3"', '"1\\u0030"', quoted(String(2n ** 128n)), quoted("9".repeat(40)), "5", "null"],
);
const streamName = mostly(anyQuoted(fc.constant("s.t-_9")), [
  '""',
  '"\\q"',
  '"\\"',
  '"a b"',
  quoted("s".repeat(129)),
  "null",
  "1",
]);
const arnOf = (region: string): string => `arn:aws:kinesis:${region}:000000000000:stream/s.t-_9`;
const streamArn = mostly(anyQuoted(fc.constant(arnOf("us-east-1"))), [quoted(arnOf("eu-west-1")), '"arn"', "null"]);

type Member = readonly [name: string, value: string];

/** Members, each there as often as its weight in 16 says. */
const members = (
  given: Readonly<Record<string, readonly [value: fc.Arbitrary<string>, weight: number]>>,
): fc.Arbitrary<Member[]> =>
  fc
    .tuple(
      ...Object.entries(given).map(([name, [value, weight]]) =>
        fc.tuple(value, fc.nat(15)).map(([text, die]): Member[] => (die < weight ? [[name, text]] : [])),
      ),
    )
    .map((found) => found.flat());

/** An object's text, its members in any order, with white space. */
const object = (given: fc.Arbitrary<readonly Member[]>): fc.Arbitrary<string> => {
  const space = fc.constantFrom("", "", "", " ", "\r\n\t");
  const shuffled = given.chain((all) => fc.shuffledSubarray([...all], { minLength: all.length }));
  return fc
    .tuple(shuffled, space, space)
    .map(([all, a, b]) => `{${a}${all.map(([name, value]) => `"${name}"${b}:${a}${value}${b}`).join(`,${a}`)}}`);
};

const reference = members({ StreamName: [streamName, 15], StreamARN: [streamArn, 2] });
const record = members({
  Data: [data, 16],
  PartitionKey: [key, 16],
  ExplicitHashKey: [hashKey, 4],
  Other: [fc.constantFrom("1", '"x"', "[]"), 1],
});
const list = fc.array(object(record), { maxLength: 4 }).map((texts) => `[${texts.join(" ,")}]`);
const bodies: Readonly<Record<Name, fc.Arbitrary<string>>> = {
  PutRecords: object(fc.tuple(reference, members({ Records: [list, 16] })).map((all) => all.flat())),
  PutRecord: object(
    fc
      .tuple(reference, record, members({ SequenceNumberForOrdering: [fc.constant('"x"'), 1] }))
      .map((all) => all.flat()),
  ),
};
const names = fc.constantFrom<Name>("PutRecord", "PutRecords");

test.each([
  ["é".repeat(256), true],
  ["é".repeat(257), false],
  ["€".repeat(256), true],
  ["k".repeat(254) + "😀", true],
  ["k".repeat(255) + "😀", false],
  ["😀".repeat(128), true],
  ["\u2028\ufeff\u0080", true],
  ["\x7f", false],
])("keys beyond ASCII are read the quick way, up to 256 characters", async (given, isQuick) => {
  const body = { StreamName: "s", Records: [{ Data: "QUJD", PartitionKey: given }] };
  const { quick, long } = await bothWays("PutRecords", Buffer.from(JSON.stringify(body)));
  expect(quick !== undefined).toBe(isQuick);
  expect(quick ?? long).toEqual(long);
});

test.each(["k??", String.raw`\/??`, String.raw`??\/`, `${"k".repeat(20)}??${String.raw`\/`}${"k".repeat(20)}`])(
  "keys that are no UTF-8 are left to the long way: %s",
  (key) => {
    const body = Buffer.from(`{"StreamName":"s","Data":"QUJD","PartitionKey":"${key}"}`);
    const at = body.indexOf("??");
    for (const wrong of [
      [0xff, 0x41],
      [0xc3, 0x28],
      [0xed, 0xa0],
      [0xc0, 0x80],
    ]) {
      body.set(wrong, at);
      expect(operations.get("PutRecord")?.runPlain(inPieces(body), context, facts, memory)).toBeUndefined();
    }
  },
);

test.each([
  String.raw`\/\"\\\b\f\n\r\t`,
  String.raw`\u0041\u00e9\u20AC\uFFFF\u0000\u007f`,
  String.raw`é\u00e9\ud83d\uDE00😀`,
  `${"k".repeat(15)}${String.raw`\u20ac`.repeat(241)}`,
])("keys with escapes are read the quick way: %s", async (key) => {
  for (const [name, body] of [
    ["PutRecord", `{"StreamName":"s","PartitionKey":"${key}","Data":"QUJD"}`],
    ["PutRecords", `{"StreamName":"s","Records":[{"Data":"QUJD","PartitionKey":"${key}"}]}`],
  ] as const) {
    const { quick, long } = await bothWays(name, Buffer.from(body));
    expect(quick).toHaveProperty("stored");
    expect(quick).toEqual(long);
  }
});

test.each([
  String.raw`\ud83d`,
  String.raw`\ud83d!\ude00`,
  String.raw`\ude00\ud83d`,
  String.raw`\u004g`,
  String.raw`\x41`,
  String.raw`\u00`,
  `\\\u0001`,
  String.raw`\u20ac`.repeat(257),
])(
  "keys with half a character, with escapes that there are not, and too long ones are left to the long way: %s",
  async (key) => {
    const { quick, long } = await bothWays(
      "PutRecord",
      Buffer.from(`{"StreamName":"s","PartitionKey":"${key}","Data":"QUJD"}`),
    );
    expect(quick).toBeUndefined();
    expect(long).toBeDefined();
  },
);

/** A body whose texts stand in it as they are, with the escapes that they have. */
function withEscapesAsGiven(input: object): Buffer {
  return Buffer.from(JSON.stringify(input).replaceAll("\\\\", "\\"));
}

test.each([
  ["a slash, as PHP writes it", (base64: string) => base64.replaceAll("/", String.raw`\/`)],
  [
    "what pages may not hold, as Gson and .NET write it",
    (base64: string) => base64.replaceAll(/[/+=]/g, (c) => escapeOf(c, false)),
  ],
  ["all of it", (base64: string) => Array.from(base64, (c) => escapeOf(c, true)).join("")],
])("data with escapes is read the quick way, in whichever record: %s", async (_, withEscapes) => {
  const Records = [3, 1000, 2, 70, 70_000].map((length, i) => ({
    Data: withEscapes(Buffer.alloc(length, Buffer.of(0xff, 0xef, 0xbe, i)).toString("base64")),
    PartitionKey: "k",
  }));
  const StreamARN = withEscapes("arn:aws:kinesis:us-east-1:000000000000:stream/s");
  for (let first = 0; first < Records.length; first++) {
    const { quick, long } = await bothWays(
      "PutRecords",
      withEscapesAsGiven({ StreamARN, Records: Records.slice(first) }),
    );
    expect(quick).toMatchObject({ streamName: "s" });
    expect(quick).toEqual(long);
    const one = await bothWays("PutRecord", withEscapesAsGiven({ StreamARN, ...Records[first] }));
    expect(one.quick).toMatchObject({ streamName: "s" });
    expect(one.quick).toEqual(one.long);
  }
});

test("whatever the quick way reads, the long way reads as the same", async () => {
  let quickReadings = 0;
  await fc.assert(
    fc.asyncProperty(
      names.chain((name) => fc.tuple(fc.constant(name), bodies[name])),
      async ([name, body]) => {
        const { quick, long } = await bothWays(name, Buffer.from(body));
        if (quick !== undefined) quickReadings += 1;
        expect(quick ?? long).toEqual(long);
      },
    ),
    { numRuns: 2000 },
  );
  expect(quickReadings).toBeGreaterThan(500);
});

test("also where some bytes of the body are others, twice there, or not there", () =>
  fc.assert(
    fc.asyncProperty(
      names.chain((name) => fc.tuple(fc.constant(name), bodies[name])),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom("replace", "repeat", "remove"), fc.nat(0x7f)), {
        minLength: 1,
        maxLength: 2,
      }),
      async ([name, text], changes) => {
        let body = Buffer.from(text);
        for (const [first, second, change, byte] of changes) {
          const from = first % body.length;
          const to = Math.min(body.length, from + 1 + (second % 12));
          const part = body.subarray(from, to);
          const middle = change === "replace" ? [Buffer.of(byte)] : change === "repeat" ? [part, part] : [];
          body = Buffer.concat([body.subarray(0, from), ...middle, body.subarray(to), Buffer.from(" ")]);
        }
        const { quick, long } = await bothWays(name, body);
        expect(quick ?? long).toEqual(long);
      },
    ),
    { numRuns: 3000 },
  ));

test("and where a body is read in several parts, which end anywhere", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(30_000), fc.integer({ min: 1, max: 256 }), fc.boolean()), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.nat(70_000),
      fc.nat(70_000),
      fc.boolean(),
      fc.option(fc.nat()),
      fc.constantFrom<(json: string) => string>(
        (json) => json,
        (json) => json.replaceAll("/", "\\/"),
        (json) => json.replaceAll("/", "\\u002f").replaceAll("k", "\\u20AC"),
      ),
      async (sizes, before, behind, isNameFirst, changed, withEscapes) => {
        const records = sizes.map(([size, keyCharacters, isKeyFirst]) => {
          const Data = Buffer.alloc(size, Buffer.of(0xff, 0xff, 0xff, 0)).toString("base64");
          const PartitionKey = "k/".repeat(keyCharacters).slice(0, keyCharacters);
          return withEscapes(JSON.stringify(isKeyFirst ? { PartitionKey, Data } : { Data, PartitionKey }));
        });
        const list = `"Records":[${" ".repeat(before)}${records.join(",")}]`;
        const name = `${" ".repeat(behind)}"StreamName":"s"`;
        const body = Buffer.from(isNameFirst ? `{${name},${list}}` : `{${list},${name}}`);
        if (changed !== null) body[changed % body.length] = 0x2c;
        const { quick, long } = await bothWays("PutRecords", body);
        expect(quick !== undefined || changed !== null).toBe(true);
        expect(quick ?? long).toEqual(long);
      },
    ),
    { numRuns: 60 },
  ));

/** Each order in which some things can stand. */
const ordersOf = (all: readonly string[]): string[][] =>
  all.length < 2
    ? [[...all]]
    : all.flatMap((first) => ordersOf(all.filter((other) => other !== first)).map((rest) => [first, ...rest]));

test.each(ordersOf(["Data", "PartitionKey", "ExplicitHashKey"]))(
  "also where a part ends at any place of a record whose members are %s, %s, %s",
  async (...order) => {
    const recordOf = (i: number): string => {
      const all: Record<string, string> = {
        Data: Buffer.alloc(80 + i, Buffer.of(0xfb, 0xef, i)).toString("base64"),
        PartitionKey: "key ".repeat(i + 1),
        ExplicitHashKey: String(10n ** BigInt(i)),
      };
      const there = order.filter((name) => name !== "ExplicitHashKey" || i % 2 === 0);
      return `{${there.map((name) => `"${name}":"${all[name]}"`).join(",")}}`;
    };
    const first = `{"StreamName":"s","Records":[${recordOf(7)},`;
    const [cut, another] = [recordOf(4), recordOf(3)];
    for (let at = -1; at <= cut.length + 1; at++) {
      for (const records of [`${cut},${another}`, `${another},${cut}`]) {
        const text = `${first}${" ".repeat((64 << 10) - first.length - at - records.indexOf(cut))}${records}]}`;
        const { quick, long } = await bothWays("PutRecords", Buffer.from(text));
        expect(quick).toHaveProperty("stored");
        expect(quick).toEqual(long);
      }
    }
  },
);

test("keys of every length up to three blocks of MD5, however many records there are", async () => {
  for (let length = 1; length <= 130; length++) {
    for (let count = 1; count <= 9; count++) {
      const Records = Array.from({ length: count }, (_, i) => ({
        Data: "QUJD",
        PartitionKey: String.fromCharCode(0x61 + i).repeat(1 + ((length + i * i) % 130)),
        ...(i % 4 === 2 ? { ExplicitHashKey: String(i) } : {}),
      }));
      const { quick, long } = await bothWays("PutRecords", Buffer.from(JSON.stringify({ StreamName: "s", Records })));
      expect(quick).toHaveProperty("stored");
      expect(quick).toEqual(long);
    }
  }
});

test.each([
  ["PutRecord", '{"PartitionKey":"k","Data":"StreamName":"s"}'],
  ["PutRecord", '{"Data":"QUJD","PartitionKey":"","StreamName":"s"}'],
  ["PutRecords", '{"Records":[{"PartitionKey":"k","Data":"PartitionKey":"k"}],"StreamName":"s"}'],
  ["PutRecords", '{"StreamName":"Records":[{"PartitionKey":"k","Data":"QUJD"}]}'],
] as const)("%s: a value that is no member's is not taken for the next one's name: %s", async (name, body) => {
  const { quick, long } = await bothWays(name, Buffer.from(body));
  expect(quick).toBeUndefined();
  expect(long).toHaveProperty("refused");
});

test("base64 of every length, and with a byte at the edge of a range at every place", async () => {
  const texts = Array.from({ length: 200 }, (_, length) => Buffer.alloc(length, "\x14\xfb\x9c\x03").toString("base64"));
  for (let at = 0; at < 70; at++) texts.push(`${"A".repeat(at)}B=`, `${"A".repeat(at)}B==`, `${"A".repeat(at)}==AA`);
  const edges = "00 1f 20 22 2a 2b 2c 2d 2e 2f 30 39 3a 3d 40 41 5a 5b 5c 5f 60 61 7a 7b 7f 80 ab c1 ff";
  for (const edge of Buffer.from(edges.replaceAll(" ", ""), "hex")) {
    const character = String.fromCharCode(edge);
    for (let at = 0; at < 128; at++) texts.push(`${"A".repeat(at)}${character}${"A".repeat(127 - at)}`);
  }
  for (const text of texts) {
    const body = Buffer.from(`{"StreamName":"s","PartitionKey":"k","Data":"${text}"}`, "latin1");
    const { quick, long } = await bothWays("PutRecord", body);
    const isBase64 = Buffer.from(text, "base64").toString("base64") === text;
    expect({ text, read: quick ?? long, isQuick: quick !== undefined }).toEqual({
      text,
      read: long,
      isQuick: isBase64,
    });
  }
});

test.each([
  [1 << 20, true],
  [2 << 20, false],
])("a record of %i bytes goes the quick way: %s", async (size, isQuick) => {
  const Records = [10, size, 10].map((bytes) => ({
    Data: Buffer.alloc(bytes, "data").toString("base64"),
    PartitionKey: "k",
  }));
  const { quick, long } = await bothWays("PutRecords", Buffer.from(JSON.stringify({ StreamName: "s", Records })));
  expect(quick !== undefined).toBe(isQuick);
  expect(quick ?? long).toEqual(long);
});

test("what clients send goes the quick way: 500 records in any order of members, hash keys, a stream's ARN", async () => {
  const Records = Array.from({ length: 500 }, (_, i) => ({
    Data: Buffer.alloc(i, i).toString("base64"),
    PartitionKey: `{"}[]`.repeat(i % 50) + `key ${i}`,
    ...(i % 3 === 0 ? { ExplicitHashKey: String(BigInt(i) ** 14n) } : {}),
  }));
  const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
  for (const input of [
    { Records, StreamARN },
    { StreamName: "s", Records },
  ]) {
    const { quick, long } = await bothWays("PutRecords", Buffer.from(JSON.stringify(input).replaceAll('\\"', "'")));
    expect(quick).toMatchObject({ streamName: "s" });
    expect(quick).toEqual(long);
  }
});

test.each([
  ["501 records", { length: 501, bytes: 1 }],
  ["a record of more than 10 MiB", { length: 1, bytes: 10 * (1 << 20) - 2 }],
  ["more than 10 MiB", { length: 11, bytes: (1 << 20) - 3 }],
])("%s are left to the long way, which says what is wrong", async (_, { length, bytes }) => {
  const Data = Buffer.alloc(bytes).toString("base64");
  const Records = Array.from({ length }, () => ({ PartitionKey: "key", Data }));
  const { quick, long } = await bothWays("PutRecords", Buffer.from(JSON.stringify({ StreamName: "s", Records })));
  expect(quick).toBeUndefined();
  expect(long).toHaveProperty("refused");
});

test("what the quick way leaves gives back the memory that it took, which the long one needs", () => {
  const own = new RequestMemory(new SlabPool(1 << 20));
  const body = new BodyBytes([Buffer.from(`{"StreamName":null,"Records":[${" ".repeat(200_000)}]}`)]);
  const before = own.take(body.length);
  own.giveBack(before);
  expect(readPlainRecords(body, own)).toBeUndefined();
  expect(own.take(body.length)).toBe(before);
});
