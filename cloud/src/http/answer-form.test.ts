import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CBOR_TYPE, JSON_TYPE, type Received, TestFront } from "../testing/test-front.js";

// As AWS answers, by the tests of other servers that were run against it.

let front: TestFront;
beforeAll(async () => {
  front = await TestFront.start();
});
afterAll(() => front.close());

const LIST = { "x-amz-target": "Kinesis_20131202.ListStreams" };
const DENIED =
  "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n" +
  "</AccessDeniedException>\n";
const unknown = { __type: "UnknownOperationException" };
const unreadable = { __type: "SerializationException" };
const missing = { __type: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };

type Sent = Parameters<TestFront["sendRaw"]>[0];

function seen({ status, headers, bytes, body }: Received): unknown[] {
  const type = headers["content-type"];
  const isProtocol = type === JSON_TYPE || type === CBOR_TYPE;
  return [status, type, isProtocol ? body : bytes.toString()];
}

const legacy = (type: string): string => `{"Output":{"__type":"com.amazon.coral.service#${type}"},"Version":"1.0"}`;

test.each<[string, Sent, [number, string | undefined, unknown]]>([
  ["no body: CBOR", { headers: {} }, [400, CBOR_TYPE, unknown]],
  ["no body, another type", { headers: { "content-type": "text/plain" } }, [400, CBOR_TYPE, unknown]],
  ["no body, an operation", { headers: LIST }, [400, CBOR_TYPE, unreadable]],
  ["no body, JSON", { headers: { "content-type": JSON_TYPE } }, [400, JSON_TYPE, unknown]],
  ["no body, JSON, an operation", { headers: { "content-type": JSON_TYPE, ...LIST } }, [400, JSON_TYPE, unreadable]],
  ["a body of no type", { headers: {}, body: "{}" }, [403, undefined, DENIED]],
  [
    "a body of no type, an operation",
    { headers: LIST, body: "{}" },
    [404, undefined, "<UnknownOperationException/>\n"],
  ],
  ["GET", { method: "GET", headers: { "content-type": JSON_TYPE } }, [403, undefined, DENIED]],
  ["PUT", { method: "PUT", headers: { "content-type": JSON_TYPE } }, [403, undefined, DENIED]],
  ["OPTIONS of no origin", { method: "OPTIONS", headers: {} }, [403, undefined, DENIED]],
  [
    "the older JSON",
    { headers: { "content-type": "application/json", ...LIST }, body: "{}" },
    [404, "application/json", legacy("UnknownOperationException")],
  ],
  [
    "the older JSON, unreadable",
    { headers: { "content-type": " application/json ;", ...LIST }, body: "hello" },
    [400, "application/json", legacy("SerializationException")],
  ],
  ["not signed", { headers: { "content-type": JSON_TYPE, ...LIST }, body: "{}" }, [400, JSON_TYPE, missing]],
  [
    "not signed, unreadable",
    { headers: { "content-type": JSON_TYPE, ...LIST }, body: "x" },
    [400, JSON_TYPE, unreadable],
  ],
  [
    "not signed, a scalar",
    { headers: { "content-type": JSON_TYPE, ...LIST }, body: "1" },
    [400, JSON_TYPE, unreadable],
  ],
  ["no operation, unreadable", { headers: { "content-type": JSON_TYPE }, body: "x" }, [400, JSON_TYPE, unreadable]],
  ["no operation", { headers: { "content-type": JSON_TYPE }, body: "{}" }, [400, JSON_TYPE, unknown]],
])("%s", async (_, sent, expected) => {
  const answer = await front.sendRaw(sent);
  expect(seen(answer)).toEqual(expected);
  expect(answer.headers["x-amzn-requestid"]).toBeDefined();
  expect(Buffer.from(String(answer.headers["x-amz-id-2"]), "base64")).toHaveLength(72);
});

test("a large body of somebody unknown is not looked at", async () => {
  const body = "x".repeat((64 << 10) + 1);
  const answer = await front.sendRaw({ headers: { "content-type": JSON_TYPE, ...LIST }, body });
  expect(seen(answer)).toEqual([400, JSON_TYPE, missing]);
});

describe("pages of other origins", () => {
  const origin = "http://page.example";

  test("are let in where requests must be signed, and may read AWS's headers", async () => {
    const asked = {
      origin,
      "access-control-request-headers": "x-amz-target",
      "access-control-request-method": "POST",
    };
    const { status, headers, bytes } = await front.sendRaw({ method: "OPTIONS", headers: asked });
    expect([status, bytes.length]).toEqual([200, 0]);
    expect(headers).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "x-amz-target",
      "access-control-allow-methods": "POST",
      "access-control-max-age": "172800",
    });
    expect(headers).not.toHaveProperty("x-amz-id-2");
    const answer = await front.sendRaw({ headers: { origin, "content-type": JSON_TYPE, ...LIST }, body: "{}" });
    expect(seen(answer)).toEqual([400, JSON_TYPE, missing]);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-expose-headers": expect.stringContaining("x-amzn-RequestId") as string,
    });
  });

  test("are not, where nobody need sign", async () => {
    const open = await TestFront.start({ verified: false });
    try {
      for (const method of ["OPTIONS", "POST"]) {
        const headers = { origin, "content-type": JSON_TYPE, ...LIST };
        const answer = await open.sendRaw({ method, headers, body: "{}" });
        expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
        expect(answer.status).toBe(method === "POST" ? 200 : 403);
      }
    } finally {
      await open.close();
    }
  });
});
