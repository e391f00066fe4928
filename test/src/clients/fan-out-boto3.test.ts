import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment } from "../harness/credentials.js";
import { startCloud } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

const program = fileURLToPath(new URL("boto3-fan-out.py", import.meta.url));

test("boto3 subscribes over HTTP/1.1, and sees the shard's end and exceptions as its own", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const { stdout } = await run(scope, ["/usr/bin/python3", program, cloud.url], { env: clientEnvironment });
  expect(JSON.parse(stdout)).toEqual({
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
