import fc from "fast-check";
import { expect, test } from "vitest";
import { FaultDisk } from "../testing/index.js";
import { ShardTable, type ShardTableContent } from "./shard-table.js";

const paths = ["/data/shards-a.json", "/data/shards-b.json"] as const;

async function newDisk(): Promise<FaultDisk> {
  const disk = new FaultDisk(1);
  await disk.makeDirectory("/data");
  return disk;
}

async function read(disk: FaultDisk): Promise<ShardTableContent> {
  const { nextNumber, rows } = await new ShardTable(disk, paths).read();
  return { nextNumber, rows };
}

async function put(disk: FaultDisk, path: string, bytes: Uint8Array): Promise<void> {
  await disk.remove(path);
  const file = await disk.open(path, "create");
  await file.write([bytes], 0);
}

const contents: fc.Arbitrary<ShardTableContent> = fc.record({
  nextNumber: fc.nat(0xffffffff),
  rows: fc.array(
    fc.record({
      name: fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      number: fc.nat(0xffffffff),
      trimmed: fc.maxSafeNat(),
      nextMin: fc.maxSafeNat(),
    }),
  ),
});

test("both copies hold what was written, any names, and survive a power cut", async () => {
  await fc.assert(
    fc.asyncProperty(contents, fc.constantFrom(...paths), async (content, lost) => {
      const disk = await newDisk();
      await new ShardTable(disk, paths).write(() => content);
      const after = disk.powerOn();
      expect(await read(after)).toEqual(content);
      await after.remove(lost);
      expect(await read(after)).toEqual(content);
    }),
  );
});

test("there is an empty table where none was written", async () => {
  expect(await read(await newDisk())).toEqual({ nextNumber: 0, rows: [] });
});

const numbered = (nextNumber: number): ShardTableContent => ({ nextNumber, rows: [] });

test("the newer copy counts, also after a restart, and after a crash between the two", async () => {
  const disk = await newDisk();
  await new ShardTable(disk, paths).write(() => numbered(1));
  const table = new ShardTable(disk, paths);
  await table.read();
  disk.plan = ({ path }) => (path.startsWith(paths[1]) ? "power-cut" : undefined);
  await expect(table.write(() => numbered(2))).rejects.toThrow("simulated EIO");
  expect(await read(disk.powerOn())).toEqual(numbered(2));
});

test("a copy with any other bit does not count; where none is left the table is damaged, not empty", async () => {
  const disk = await newDisk();
  const content = { nextNumber: 1, rows: [{ name: "s", number: 0, trimmed: 3, nextMin: 4 }] };
  await new ShardTable(disk, paths).write(() => content);
  // The last byte is a line feed, which says nothing.
  const bits = (disk.bytesOf(paths[0]).length - 1) * 8;
  for (let bit = 0; bit < bits; bit++) {
    if (bit >= 8 * 8 && bit < 9 * 8) continue; // nor does the space
    disk.flipBit(paths[0], bit);
    expect(await read(disk)).toEqual(content);
    disk.flipBit(paths[1], (bit * 7) % (8 * 8));
    await expect(read(disk)).rejects.toMatchObject({ name: "LogError", code: "disk-failed" });
    disk.flipBit(paths[0], bit);
    expect(await read(disk)).toEqual(content);
    disk.flipBit(paths[1], (bit * 7) % (8 * 8));
  }
});

test("any bytes are damage", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const disk = await newDisk();
      for (const path of paths) await put(disk, path, bytes);
      await expect(read(disk)).rejects.toMatchObject({ name: "LogError", code: "disk-failed" });
    }),
  );
});

test("calls during a write share the next one, and see it fail without harm to later ones", async () => {
  const disk = await newDisk();
  const table = new ShardTable(disk, paths);
  let creates = 0;
  disk.plan = ({ kind }) => {
    if (kind === "create") creates++;
    return kind === "create" && creates === 3 ? "EIO" : undefined;
  };
  let current = 0;
  const content = () => numbered(++current);
  const first = table.write(content);
  await Promise.resolve();
  await Promise.resolve();
  const shared = [table.write(content), table.write(content), table.write(content)];
  await first;
  for (const write of shared) await expect(write).rejects.toMatchObject({ code: "EIO" });
  expect(current).toBe(2);
  expect(await read(disk)).toEqual(numbered(1));
  await table.write(content);
  expect(creates).toBe(5);
  expect(await read(disk)).toEqual(numbered(3));
});
