import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment } from "../harness/credentials.js";
import { repository } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { TcpProxy } from "../harness/tcp-proxy.js";

const CALLS = 10;
/** Some after each other, and as many at once. */
const callAgainAndAgain = `
import { ListStreamsCommand } from "@aws-sdk/client-kinesis";
for (let i = 0; i < ${CALLS}; i += 1) await kinesis.send(new ListStreamsCommand({}));
await Promise.all(Array.from({ length: ${CALLS} }, () => kinesis.send(new ListStreamsCommand({}))));
kinesis.destroy();
`;

test("the SDK for JavaScript opens a connection a call, and one for all as the reference configures it", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const markdown = await readFile(join(repository, "docs/reference/data-streams.md"), "utf8");
  const [, snippet = ""] = /^```js\n(.*?)^```$/ms.exec(markdown) ?? [];
  const connectionsOf = async (program: string): Promise<number> => {
    const link = await TcpProxy.start(scope, cloud.port("http"));
    const script = program.replace(":4567", `:${link.port}`) + callAgainAndAgain;
    const command = [process.execPath, "--input-type=module", "--eval", script];
    await run(scope, command, { cwd: repository, env: clientEnvironment });
    return link.accepted;
  };
  expect(await connectionsOf(snippet)).toBe(1);
  expect(await connectionsOf(snippet.replace(/^ *requestHandler: .*\n/m, ""))).toBe(2 * CALLS);
});
