import { expect, test } from "vitest";
import type { LogError } from "../api.js";
import { openLog } from "../open.js";
import { FaultDisk, ManualClock } from "../testing/index.js";

const clock = new ManualClock();
const open = (disk: FaultDisk) => openLog({ directory: "/data", disk, clock });

async function withFormat(text: string): Promise<FaultDisk> {
  const disk = new FaultDisk(1);
  await disk.makeDirectory("/data");
  const file = await disk.open("/data/format", "create");
  await file.write([Buffer.from(text)], 0);
  return disk;
}

test("a new directory is of format 1, which is durable, and opens again", async () => {
  let disk = new FaultDisk(1);
  for (let restart = 0; restart < 3; restart++) {
    const log = await open(disk);
    expect(disk.bytesOf("/data/format").toString()).toBe("headwater-log 1\n");
    await log.close();
    disk = disk.powerOn();
  }
});

test("a newer format is refused, naming both versions, and nothing is changed", async () => {
  const disk = await withFormat("headwater-log 3\n");
  const before = new Map(disk.files());
  const error = await open(disk).catch((thrown: unknown) => thrown as LogError);
  expect(error).toMatchObject({
    name: "LogError",
    code: "unsupported-format",
    message: "/data/format says format 3; this version of Headwater reads 1 to 2",
  });
  expect(disk.files()).toEqual(before);
});

test("what is no log's is refused", async () => {
  const texts = [
    "",
    "headwater-log\n",
    "headwater-log 1",
    "headwater-log -1\n",
    "headwater-log 1\nmore",
    "\u0000".repeat(16),
  ];
  for (const text of texts)
    await expect(open(await withFormat(text))).rejects.toMatchObject({
      name: "LogError",
      code: "unsupported-format",
    });
});
