import { createHash } from "node:crypto";
import type { SignatureV4 } from "@smithy/signature-v4";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CloudError } from "../cloud-error.js";
import { awsSigner } from "../testing/aws-signer.js";
import { type SignedRequest, SignatureVerifier, verifyRequest } from "./index.js";

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const ACCESS_KEY = "HWAKEXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

function verifier(options: { now?: number; region?: string; service?: string; key?: string } = {}): SignatureVerifier {
  return new SignatureVerifier({
    region: options.region ?? "us-east-1",
    service: options.service ?? "kinesis",
    secretOf: (key) => (key === (options.key ?? ACCESS_KEY) ? SECRET : undefined),
    now: () => options.now ?? NOW,
  });
}

function signer(options: { secret?: string; region?: string; service?: string } = {}): SignatureV4 {
  return awsSigner({ accessKeyId: ACCESS_KEY, secretAccessKey: options.secret ?? SECRET, ...options });
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const plain: Sent = {
  method: "POST",
  path: "/",
  query: {},
  headers: {
    host: "localhost:4567",
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "Kinesis_20131202.ListStreams",
  },
  body: "{}",
};

type Signer = (sent: Sent) => Promise<SignedRequest>;

const byHeader: Signer = async (sent) => {
  const { headers } = await signer().sign(
    { ...sent, protocol: "http:", hostname: "localhost" },
    { signingDate: new Date(NOW) },
  );
  return { method: sent.method, target: targetOf(sent.path, sent.query), rawHeaders: Object.entries(headers).flat() };
};

const byQuery: Signer = async (sent) => {
  const { headers, query } = await signer().presign(
    { ...sent, protocol: "http:", hostname: "localhost" },
    { signingDate: new Date(NOW), expiresIn: 600 },
  );
  return { method: sent.method, target: targetOf(sent.path, query ?? {}), rawHeaders: Object.entries(headers).flat() };
};

function targetOf(path: string, query: Record<string, string | string[] | null>): string {
  const pairs = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

function verify(request: SignedRequest, body: string, by = verifier()): ReadonlySet<string> {
  return by.verify(request, by.check(request), createHash("sha256").update(body).digest("hex")).signedHeaders;
}

function failure(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    const { code, message } = error as CloudError;
    return { code, message };
  }
  throw new Error("it did not fail");
}

/** A request of AWS's suite: the headers that it has, which of them are signed, and the signature that is right. */
function suite(method: string, target: string, headers: string[], signed: string, signature: string): SignedRequest {
  const credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signed}, Signature=${signature}`;
  return { method, target, rawHeaders: [...headers, "Authorization", authorization] };
}

describe("AWS's published test suite", () => {
  // Facts from the "aws-sig-v4-test-suite" documents.
  const host = ["Host", "example.amazonaws.com", "X-Amz-Date", "20150830T123600Z"];
  const then = verifier({ now: Date.UTC(2015, 7, 30, 12, 36, 0), service: "service", key: "AKIDEXAMPLE" });

  test.each([
    [
      "get-vanilla",
      suite("GET", "/", host, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ],
    [
      "get-vanilla-query-order-key-case",
      suite(
        "GET",
        "/?Param2=value2&Param1=value1",
        host,
        "host;x-amz-date",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
      ),
    ],
    [
      "post-vanilla",
      suite("POST", "/", host, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
    [
      "get-header-value-trim",
      suite(
        "GET",
        "/",
        [
          "Host",
          "example.amazonaws.com",
          "My-Header1",
          " value1",
          "My-Header2",
          ' "a   b   c"',
          "X-Amz-Date",
          "20150830T123600Z",
        ],
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
      ),
    ],
  ])("%s", (_, request) => {
    expect(verifyRequest(then, request).accessKeyId).toBe("AKIDEXAMPLE");
  });
});

const text = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.~!*'()+&=/?% é€".split("")), maxLength: 12 });
const headerValue = fc.string({ unit: fc.constantFrom(..."abc 12/;,=".split("")), maxLength: 20 });
const sentRequest: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom("POST", "GET"),
  path: fc
    .array(fc.string({ unit: fc.constantFrom(..."abc-_~%20".split("")), minLength: 1, maxLength: 5 }), { maxLength: 3 })
    .map((parts) => `/${parts.map(encodeURIComponent).join("/")}`),
  query: fc.dictionary(
    text.filter((name) => name !== ""),
    text,
    { maxKeys: 4, noNullPrototype: true },
  ),
  headers: fc.record({ host: fc.constant("localhost:4567"), "x-amz-target": headerValue, "x-custom": headerValue }),
  body: fc.string(),
});

describe.each([
  ["header", byHeader],
  ["presigned query", byQuery],
])("signed by the AWS SDK's own signer, %s", (_, sign) => {
  test("any request verifies", () =>
    fc.assert(
      fc.asyncProperty(sentRequest, async (sent) => {
        expect(verify(await sign(sent), sent.body).has("host")).toBe(true);
      }),
    ));

  test("a request does not verify once its body, method, path or a signed header changed", () =>
    fc.assert(
      fc.asyncProperty(sentRequest, fc.constantFrom("body", "method", "path", "header"), async (sent, part) => {
        const signed = await sign(sent);
        const changed = {
          ...signed,
          ...(part === "method" ? { method: "PUT" } : {}),
          ...(part === "path" ? { target: `/x${signed.target}` } : {}),
          ...(part === "header"
            ? { rawHeaders: signed.rawHeaders.map((value) => (value === "localhost:4567" ? "elsewhere" : value)) }
            : {}),
        };
        const body = part === "body" ? `${sent.body}x` : sent.body;
        expect(failure(() => verify(changed, body)).code).toBe("signature-mismatch");
      }),
      { numRuns: 50 },
    ));
});

describe("refusals", () => {
  test("a wrong secret", async () => {
    const { headers } = await signer({ secret: "wrong" }).sign(
      { ...plain, protocol: "http:", hostname: "h" },
      { signingDate: new Date(NOW) },
    );
    const request = { method: "POST", target: "/", rawHeaders: Object.entries(headers).flat() };
    expect(failure(() => verify(request, "{}"))).toEqual({
      code: "signature-mismatch",
      message: expect.stringContaining("The request signature we calculated does not match") as string,
    });
  });

  test("a date over five minutes old, or over five minutes ahead", async () => {
    const request = await byHeader(plain);
    expect(verify(request, "{}", verifier({ now: NOW + 300_000 }))).toContain("host");
    expect(failure(() => verify(request, "{}", verifier({ now: NOW + 301_000 })))).toEqual({
      code: "signature-expired",
      message: "Signature expired: 20261120T120000Z is now earlier than 20261120T120001Z (20261120T120501Z - 5 min.)",
    });
    expect(failure(() => verify(request, "{}", verifier({ now: NOW - 301_000 })))).toEqual({
      code: "signature-not-yet-current",
      message:
        "Signature not yet current: 20261120T120000Z is still later than 20261120T115959Z (20261120T115459Z + 5 min.)",
    });
  });

  test("a presigned request after its time, and one that asks for more than a week", async () => {
    const request = await byQuery(plain);
    expect(verify(request, "{}", verifier({ now: NOW + 600_000 }))).toContain("host");
    expect(failure(() => verify(request, "{}", verifier({ now: NOW + 601_000 }))).code).toBe("signature-expired");
    const longer = { ...request, target: request.target.replace("X-Amz-Expires=600", "X-Amz-Expires=604801") };
    expect(failure(() => verify(longer, "{}")).code).toBe("signature-incomplete");
  });

  test("an unknown key, a session token that nobody gave", async () => {
    const request = await byHeader(plain);
    expect(failure(() => verify(request, "{}", verifier({ key: "OTHER" }))).code).toBe("access-key-unknown");
    const withToken = { ...request, rawHeaders: [...request.rawHeaders, "X-Amz-Security-Token", "t"] };
    expect(failure(() => verify(withToken, "{}")).code).toBe("security-token-unknown");
  });

  test("another region or service", async () => {
    const request = await byHeader(plain);
    expect(failure(() => verify(request, "{}", verifier({ region: "eu-west-1" }))).code).toBe("signature-scope-wrong");
    expect(failure(() => verify(request, "{}", verifier({ service: "firehose" }))).message).toBe(
      "Credential should be scoped to correct service: 'firehose'.",
    );
  });

  test("no signature at all, or two", async () => {
    const request = await byHeader(plain);
    expect(failure(() => verify({ ...request, rawHeaders: ["host", "h"] }, "{}"))).toEqual({
      code: "authentication-missing",
      message: "Missing Authentication Token",
    });
    expect(failure(() => verify({ ...request, target: "/?X-Amz-Algorithm=x" }, "{}")).code).toBe(
      "authentication-twice",
    );
  });

  test("half a signature: what is missing is named, the signature itself is not", () => {
    const request = {
      method: "POST",
      target: "/",
      rawHeaders: ["host", "h", "authorization", "AWS4-HMAC-SHA256 Signature=0123456789abcdef"],
    };
    expect(failure(() => verify(request, "{}"))).toEqual({
      code: "signature-incomplete",
      message:
        "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' parameter. " +
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
        "Authorization=AWS4-HMAC-SHA256 Signature=…",
    });
  });

  test("an unsigned target: it could be another operation than was signed", async () => {
    const { "x-amz-target": target, ...headers } = plain.headers;
    const request = await byHeader({ ...plain, headers });
    const withTarget = { ...request, rawHeaders: [...request.rawHeaders, "x-amz-target", String(target)] };
    expect(failure(() => verify(withTarget, "{}")).code).toBe("signature-mismatch");
  });

  test("a claimed body hash that is not the body's", async () => {
    const request = await byHeader({
      ...plain,
      headers: { ...plain.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
    });
    expect(failure(() => verify(request, "{}")).code).toBe("signature-mismatch");
  });

  test("garbage in every place of the Authorization header is a refusal, never a crash", () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (authorization, target, date) => {
        const request = {
          method: "POST",
          target,
          rawHeaders: ["host", "h", "authorization", authorization, "x-amz-date", date],
        };
        expect(failure(() => verify(request, "{}")).code).toMatch(/^(authentication|signature|access-key)-/);
      }),
      { numRuns: 500 },
    ));

  test("a well-formed header with any 64 hex digits but the right ones does not verify", () =>
    fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[0-9a-f]{64}$/), async (hex) => {
        const request = await byHeader(plain);
        const forged = {
          ...request,
          rawHeaders: request.rawHeaders.map((value) => value.replace(/Signature=\w+/, `Signature=${hex}`)),
        };
        expect(failure(() => verify(forged, "{}")).code).toBe("signature-mismatch");
      }),
      { numRuns: 20 },
    ));
});
