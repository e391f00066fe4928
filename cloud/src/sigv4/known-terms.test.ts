import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { awsSigner } from "../testing/aws-signer.js";
import { type SignedRequest, SignatureVerifier } from "./index.js";
import { KnownTerms, usualHeader } from "./known-terms.js";
import { signatureTerms } from "./signature-terms.js";

// What is remembered of one request must not let another in.

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Whether a request gets in; the secret is the server's. */
function isVerified(by: SignatureVerifier, request: SignedRequest, body: string): boolean {
  try {
    by.verify(request, by.check(request), sha256(body));
    return true;
  } catch {
    return false;
  }
}

async function signed(secretAccessKey: string, body: string, target: string): Promise<SignedRequest> {
  const headers = { host: "h", "x-amz-target": target };
  const unsigned = { method: "POST", protocol: "http:", hostname: "h", path: "/", headers, body };
  const request = await awsSigner({ accessKeyId: "KEY", secretAccessKey }).sign(unsigned, {
    signingDate: new Date(NOW),
  });
  return { method: "POST", target: "/", rawHeaders: Object.entries(request.headers).flat() };
}

test("after a good request, others whose header starts the same are verified each by itself", async () => {
  let secret = "right";
  const by = new SignatureVerifier({ region: "us-east-1", service: "kinesis", secretOf: () => secret, now: () => NOW });
  const good = await signed("right", "{}", "Get");
  const header = good.rawHeaders[good.rawHeaders.indexOf("authorization") + 1]!;
  const change = (from: string, to: string): SignedRequest => ({
    ...good,
    rawHeaders: good.rawHeaders.map((text) => text.replace(from, to)),
  });
  expect(isVerified(by, good, "{}")).toBe(true);
  expect(isVerified(by, good, "{ }")).toBe(false);
  expect(isVerified(by, change("Get", "Put"), "{}")).toBe(false);
  expect(isVerified(by, change(header.slice(-64), sha256("guess")), "{}")).toBe(false);
  expect(isVerified(by, change(header.slice(-64), header.slice(-64).toUpperCase()), "{}")).toBe(false);
  expect(isVerified(by, await signed("wrong", "{}", "Get"), "{}")).toBe(false);
  expect(isVerified(by, await signed("right", "{}", "Put"), "{}")).toBe(true);
  secret = "changed";
  expect(isVerified(by, good, "{}")).toBe(false);
  expect(isVerified(by, await signed("changed", "{}", "Get"), "{}")).toBe(true);
});

test("what is remembered holds nowhere else, no longer than it did, and not for a key that is gone", async () => {
  const here = { region: "us-east-1", service: "kinesis", secretOf: () => "right", now: () => NOW };
  const good = await signed("right", "{}", "Get");
  expect(isVerified(new SignatureVerifier(here), good, "{}")).toBe(true);
  const others = [
    { region: "eu-west-1" },
    { service: "dynamodb" },
    { now: () => NOW + 360_000 },
    { now: () => NOW - 360_000 },
    { secretOf: () => undefined },
    { secretOf: () => "other" },
  ];
  const letIn = others.filter((other) => isVerified(new SignatureVerifier({ ...here, ...other }), good, "{}"));
  expect(letIn).toEqual([]);
  const without = good.rawHeaders.map((text) => text.replace(";x-amz-target", ""));
  expect(isVerified(new SignatureVerifier(here), { ...good, rawHeaders: without }, "{}")).toBe(false);
  expect(isVerified(new SignatureVerifier(here), good, "{}")).toBe(true);
});

test("a header is usual where 64 digits of hex stand last", () => {
  const digits = sha256("");
  expect(usualHeader(`A Credential=b, Signature=${digits}`)).toEqual({
    start: "A Credential=b, Signature=",
    signature: digits,
  });
  for (const header of [
    "",
    digits,
    `Signature=${digits}`,
    ` Signature=${digits.slice(30)}`,
    `A xSignature=${digits}`,
    `A Signature=${digits} `,
    `A Signature=${digits.slice(1)}`,
    `A Signature=${digits.slice(20)}, Credential=other1`,
  ]) {
    expect(usualHeader(header)).toBeUndefined();
  }
});

test("of more clients than 64 the first is forgotten, and headers of what is no ASCII are not kept", () => {
  const known = new KnownTerms();
  const terms = signatureTerms("key/date/region/service/aws4_request", "host");
  for (let i = 0; i < 65; i++) known.set(`start ${i}`, terms);
  expect([known.get("start 0"), known.get("start 1"), known.get("start 64")]).toEqual([undefined, terms, terms]);
  known.set("st\u0141rt", terms);
  expect([known.get("st\u0141rt"), known.get("stArt")]).toEqual([undefined, undefined]);
});
