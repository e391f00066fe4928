import { expect, onTestFinished, test } from "vitest";
import { descendantsOf, isAlive, type ProcessIdentity } from "../harness/process-tree.js";
import { kinesisClient, readAll } from "../harness/kinesis.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { WholeSystem } from "../harness/whole-system.js";
import type { ReadRecord } from "../programs/history.js";

async function expectAllGone(processes: readonly ProcessIdentity[]): Promise<void> {
  const alive = (): ProcessIdentity[] => processes.filter(isAlive);
  await until(
    () => `every process to end; still there: ${JSON.stringify(alive())}`,
    () => alive().length === 0,
  );
}

/** What the host's sensor has brought into the cloud so far; undefined where that is nothing. */
async function readings(scope: Scope, system: WholeSystem): Promise<ReadRecord[] | undefined> {
  const read = await readAll(kinesisClient(scope, system.console, await system.credentials()), "sensors");
  return read.length === 0 ? undefined : read;
}

test(
  "npm start serves the console within a minute, a second start reuses the data, Ctrl-C and kill -9 leave nothing",
  { timeout: 240_000 },
  async () => {
    const scope = new Scope();
    onTestFinished(() => scope.close());
    const data = await scope.directory("start");

    const first = await WholeSystem.start(scope, data);
    const page = await fetch(first.console, { headers: { accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
    expect(first.child.stdout.toString(), "it says where the data lives").toContain(data);
    const processes = descendantsOf(first.child.pid);
    for (const part of ["cloud", "gateway", "device"]) {
      expect(processes.map(({ command }) => command)).toContainEqual(expect.stringContaining(`headwater.js ${part}`));
    }
    const [oldest] = await until("the device's first reading to reach the cloud", () => readings(scope, first));
    await first.interrupt();
    await expectAllGone(processes);

    const second = await WholeSystem.start(scope, data);
    expect((await until("the readings to be there again", () => readings(scope, second)))[0]).toEqual(oldest);
    const again = descendantsOf(second.child.pid);
    const launcher = again.find(({ command }) => command.includes("setup/start.cjs") && command.startsWith("node"));
    expect(launcher).toBeDefined();
    process.kill(launcher?.pid ?? Number.NaN, "SIGKILL");
    await expectAllGone(again);
  },
);
