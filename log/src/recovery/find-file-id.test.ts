import fc from "fast-check";
import { expect, test } from "vitest";
import type { DiskFile } from "../api.js";
import { FileWindow } from "../files/file-window.js";
import { frameHeaderBytes, frameIdAt } from "../format/frame.js";
import { FaultDisk } from "../testing/index.js";
import { nextWithId } from "./find-file-id.js";

const id = Buffer.from([1, 2, 3, 4, 1, 2, 3, 4]);

async function fileOf(bytes: Buffer): Promise<DiskFile> {
  const disk = new FaultDisk(1);
  await disk.makeDirectory("/data");
  const file = await disk.open("/data/file", "create");
  await file.write([bytes], 0);
  return file;
}

test("every header of the id is found, wherever a window ends, and no other place", async () => {
  const places = fc.array(fc.nat(3000), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(places, fc.integer({ min: 56, max: 700 }), fc.nat(3100), async (ids, stepBytes, end) => {
      const bytes = Buffer.alloc(3100, 9);
      for (const at of ids) id.copy(bytes, at);
      const expected = [];
      for (let at = 0; at + frameHeaderBytes <= end; at += 8)
        if (bytes.subarray(at + frameIdAt, at + frameIdAt + id.length).equals(id)) expected.push(at);
      const window = new FileWindow(await fileOf(bytes), bytes.length, stepBytes);
      const found = [];
      for (
        let at = await nextWithId(window, id, 0, end);
        at !== undefined;
        at = await nextWithId(window, id, at + 8, end)
      )
        found.push(at);
      expect(found.filter((at) => at + frameHeaderBytes <= end)).toEqual(expected);
      expect(found.every((at) => at % 8 === 0 && at < end)).toBe(true);
    }),
  );
});
