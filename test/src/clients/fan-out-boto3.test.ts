import { expect, onTestFinished, test } from "vitest";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { boto3 } from "./boto3.js";

test("boto3 subscribes over HTTP/1.1, and sees the shard's end and exceptions as its own", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  expect(await boto3(scope, "boto3-fan-out.py", cloud)).toEqual({
    contentType: "application/vnd.amazon.eventstream",
    first: [true],
    behind: 0,
    second: ["two"],
    again: "ResourceInUseException",
    noNumber: "InvalidArgumentException",
    children: [
      ["shardId-000000000001", ["shardId-000000000000"]],
      ["shardId-000000000002", ["shardId-000000000000"]],
    ],
    goesOn: false,
    ends: true,
    deregistered: "ResourceNotFoundException",
  });
});
