import { encode } from "cborg";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operations } from "../operations/index.js";
import { CBOR_TYPE, JSON_TYPE, TestFront } from "../testing/test-front.js";
import { wireErrors } from "./wire-errors.js";

// Issue 2, "Bad input": whatever comes gets an error as AWS shapes them, and harms nobody.

let front: TestFront;
beforeAll(async () => {
  front = await TestFront.start({ verified: false });
  await front.it.createStream("s", 2);
});
afterAll(() => front.close()); // fails if anything was logged as an error of ours

const errorTypes = new Set<unknown>(Object.values(wireErrors).map(({ type }) => type));

/** What is wrong with the answer to a request, as AWS's clients read answers; undefined where it is well. */
async function problemWith(request: Parameters<TestFront["sendRaw"]>[0]): Promise<string | undefined> {
  const { status, headers, body } = await front.sendRaw(request);
  if (!/^[0-9a-f-]{36}$/.test(String(headers["x-amzn-requestid"]))) return "no request id";
  if (status === 200) return undefined;
  const named = body["__type"] ?? /^<(\w+)>/.exec(String(body["text"]))?.[1];
  return [400, 403].includes(status) && errorTypes.has(named) ? undefined : `${status} ${JSON.stringify(body)}`;
}

const operation = fc.constantFrom(...[...operations.keys()].filter((name) => name !== "DeleteStream"));
const target = fc.oneof(
  { weight: 5, arbitrary: operation.map((name) => `Kinesis_20131202.${name}`) },
  fc.string({ unit: fc.constantFrom(..."Kinesis_20131202.Put x;,".split("")), maxLength: 30 }),
);

/** Names and values that mean something to some operation, so that the fuzz gets past the first check. */
const memberName = fc.constantFrom(
  ..."StreamName StreamARN Records Data PartitionKey ExplicitHashKey ShardId ShardIterator ShardIteratorType".split(
    " ",
  ),
  ..."StartingSequenceNumber Timestamp Limit NextToken ShardFilter Type Tags ShardCount MaxResults".split(" "),
  ..."ExclusiveStartShardId SequenceNumberForOrdering StreamModeDetails __proto__ constructor toString".split(" "),
);
const leaf = fc.oneof(
  fc.constantFrom("s", "k", "0", "AAAA", "shardId-000000000000", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", ""),
  fc.constantFrom("FROM_TIMESTAMP", "ON_DEMAND", "arn:aws:kinesis:us-east-1:000000000000:stream/s", "\ud800", "é€😀"),
  fc.constantFrom<unknown>(0, -1, 1, 1.5, 1e300, -1e300, 2 ** 53, 1_700_000_000, true, null),
  fc.string(),
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie("any"), { maxLength: 3 }), tie("structure")),
  structure: fc.dictionary(memberName, tie("any"), { maxKeys: 6 }),
})).structure;

const cborLeaf = fc.oneof(leaf, fc.uint8Array({ maxLength: 20 }));
const cborValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, cborLeaf, fc.array(tie("any"), { maxLength: 3 }), tie("structure")),
  structure: fc.dictionary(memberName, tie("any"), { maxKeys: 6 }),
})).structure;

test("JSON of any shape", () =>
  fc.assert(
    fc.asyncProperty(target, value, async (name, input) => {
      const headers = { "content-type": JSON_TYPE, "x-amz-target": name };
      expect(await problemWith({ headers, body: JSON.stringify(input) })).toBeUndefined();
    }),
    { numRuns: 300 },
  ));

test("CBOR of any shape", () =>
  fc.assert(
    fc.asyncProperty(target, cborValue, async (name, input) => {
      const headers = { "content-type": CBOR_TYPE, "x-amz-target": name };
      expect(await problemWith({ headers, body: encode(input) })).toBeUndefined();
    }),
    { numRuns: 300 },
  ));

test("bytes of any kind, also what is almost CBOR or JSON", () =>
  fc.assert(
    fc.asyncProperty(
      target,
      fc.constantFrom(JSON_TYPE, CBOR_TYPE),
      fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.tuple(value, fc.nat()).map(([input, end]) => Buffer.from(JSON.stringify(input)).subarray(0, end % 100)),
        fc.tuple(cborValue, fc.nat(), fc.nat(255)).map(([input, at, byte]) => {
          const bytes = encode(input);
          bytes[at % bytes.length] = byte;
          return bytes;
        }),
      ),
      async (name, contentType, body) => {
        const headers = { "content-type": contentType, "x-amz-target": name };
        expect(await problemWith({ headers, body })).toBeUndefined();
      },
    ),
    { numRuns: 400 },
  ));

const token = fc.string({ unit: fc.constantFrom(..."abzAZ019 ,;=/+-_.%\"'\\<>é\u00ff".split("")), maxLength: 60 });
const signedHeaders = fc.constantFrom("host", "host;x-amz-date;x-amz-target", ";;", "");
const authorization = fc.oneof(
  token,
  fc
    .tuple(token, signedHeaders, token)
    .map(
      ([key, headers, signature]) =>
        `AWS4-HMAC-SHA256 Credential=HWAKEXAMPLE/20231114/us-east-1/kinesis/aws4_request${key}, ` +
        `SignedHeaders=${headers}, Signature=${signature}`,
    ),
);

test("headers of any kind, where signatures are checked", async () => {
  const strict = await TestFront.start();
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            "content-type": fc.oneof(fc.constantFrom(JSON_TYPE, CBOR_TYPE, `${JSON_TYPE}; charset=utf-8`), token),
            "x-amz-target": target,
            authorization,
            "x-amz-date": fc.oneof(fc.constant("20231114T221320Z"), token),
            "x-amz-content-sha256": token,
            "x-amz-security-token": token,
            "x-headwater-producer": token,
          },
          { requiredKeys: [] },
        ),
        fc.constantFrom("POST", "GET", "PUT", "DELETE", "OPTIONS", "PATCH"),
        fc.oneof(
          fc.constant("/"),
          token.map((text) => `/?X-Amz-Algorithm=AWS4-HMAC-SHA256&${encodeURI(text)}`),
        ),
        async (headers, method, path) => {
          const { status, headers: given } = await strict.sendRaw({ method, path, headers, body: "{}" });
          expect(status).toBeOneOf([400, 403, 404]); // nobody gets in by guessing
          expect(given["x-amzn-requestid"]).toBeDefined();
        },
      ),
      { numRuns: 500 },
    );
  } finally {
    await strict.close();
  }
});
