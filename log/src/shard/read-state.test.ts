import { expect, test } from "vitest";
import { FaultDisk } from "../testing/index.js";
import { openSmall, pathsOf } from "../testing/records.js";

test("an older state in the place of the newest is damage, and is not served", async () => {
  const disk = new FaultDisk(1);
  const log = await openSmall(disk);
  await log.createShards(["s"]);
  for (const state of ["state 1", "state 2"]) await log.putState("s", Buffer.from(state));
  expect((await log.getState("s"))?.state.toString()).toBe("state 2");
  const [journal] = pathsOf(disk, ".journal");
  const bytes = disk.bytesOf(journal!);
  const frameBytes = 56 + 8 + 8;
  const frameOf = (state: string): number => bytes.indexOf(state) - 64;
  const file = await disk.open(journal!, "write");
  await file.write([bytes.subarray(frameOf("state 1"), frameOf("state 1") + frameBytes)], frameOf("state 2"));
  expect(await log.getState("s")).toBeUndefined();
  expect(log.damage()).toMatchObject([{ kind: "damaged", shard: "s", offset: frameOf("state 2") }]);
});
