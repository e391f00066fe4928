import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment, region } from "../harness/credentials.js";
import { Part } from "../harness/part.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

test("without root keys the cloud makes some, once, in a file that only its owner and AWS's clients read", async () => {
  const scope = newScope();
  const data = await scope.directory("cloud");
  const cloud = await Part.start(scope, "cloud", { flags: { data } });
  const file = join(data, "credentials");
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe("600");

  const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...others } = clientEnvironment;
  const aws = async (): Promise<string> => {
    const command = ["/usr/bin/aws", "--endpoint-url", cloud.url, "kinesis", "list-streams", "--output", "json"];
    return (await run(scope, command, { env: { ...others, AWS_SHARED_CREDENTIALS_FILE: file } })).stdout;
  };
  expect(JSON.parse(await aws())).toMatchObject({ StreamNames: [] });

  const keys = await readFile(file, "utf8");
  await cloud.stop();
  await cloud.restart();
  expect(await readFile(file, "utf8")).toBe(keys);
  expect(JSON.parse(await aws())).toMatchObject({ StreamNames: [] });
  expect(cloud.child.stderr.toString(), "secrets stay out of the log").not.toContain(
    /secret_access_key *= *(\S+)/.exec(keys)?.[1],
  );
});

test("--accept-any-credentials takes any keys, and warns at start", async () => {
  const scope = newScope();
  const data = await scope.directory("cloud");
  const cloud = await Part.start(scope, "cloud", { flags: { data, "accept-any-credentials": true } });
  expect(cloud.child.stderr.toString()).toMatch(/"level":"warn".*credentials/);
  const client = new KinesisClient({
    endpoint: cloud.url,
    region,
    credentials: { accessKeyId: "anyone", secretAccessKey: "anything" },
  });
  scope.defer(() => client.destroy());
  expect(await client.send(new ListStreamsCommand({}))).toMatchObject({ StreamNames: [] });
});
