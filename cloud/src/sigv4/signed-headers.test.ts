import { expect, test } from "vitest";
import { awsSigner } from "../testing/aws-signer.js";
import { signedHeaders } from "./signed-headers.js";

test("signs as AWS's own signer does", async () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Headwater_2026.GetUsage" };
  const body = '{"Straße":1}';
  const nowMs = Date.UTC(2026, 0, 31, 12, 0, 5);
  const ours = signedHeaders({
    host: "127.0.0.1:4567",
    headers,
    body,
    scope: { region: "eu-west-1", service: "kinesis" },
    credentials,
    nowMs,
  });
  const theirs = await awsSigner({ ...credentials, region: "eu-west-1" }).sign(
    {
      method: "POST",
      protocol: "http:",
      hostname: "127.0.0.1",
      path: "/",
      headers: { ...headers, host: "127.0.0.1:4567" },
      body,
    },
    { signingDate: new Date(nowMs) },
  );
  expect(ours).toEqual(theirs.headers);
});
