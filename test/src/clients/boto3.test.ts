import { expect, onTestFinished, test } from "vitest";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { boto3 } from "./boto3.js";

test("boto3 gets through every operation and sees errors as its own", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  expect(await boto3(scope, "boto3-tour.py", cloud)).toEqual({
    describe: {
      status: "ACTIVE",
      arn: "arn:aws:kinesis:us-east-1:000000000000:stream/boto",
      shards: ["shardId-000000000000", "shardId-000000000001"],
      created: true,
    },
    summary: { open: 2, status: "ACTIVE" },
    streams: ["boto"],
    shards: ["shardId-000000000000", "shardId-000000000001"],
    failed: 0,
    rising: true,
    bytes: true,
    iterators: { TRIM_HORIZON: 11, AT: 7, AFTER: 6, AT_TIMESTAMP: 11, LATEST: 0 },
    arrivalsAreRecent: true,
    notFound: {
      code: "ResourceNotFoundException",
      message: "Stream nowhere under account 000000000000 not found.",
      status: 400,
      hasRequestId: true,
    },
    inUse: {
      code: "ResourceInUseException",
      message: "Stream boto under account 000000000000 already exists.",
      status: 400,
      hasRequestId: true,
    },
    invalidIterator: {
      code: "InvalidArgumentException",
      message: expect.stringMatching(/iterator/i) as string,
      status: 400,
      hasRequestId: true,
    },
    wrongSecret: {
      code: "InvalidSignatureException",
      message: expect.stringContaining("signature") as string,
      status: 400,
      hasRequestId: true,
    },
  });
});
