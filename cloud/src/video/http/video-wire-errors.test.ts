import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CloudError } from "../../cloud-error.js";
import { putMediaErrors } from "../put-media/put-media-fault.js";
import { toVideoWireError, videoWireErrors } from "./video-wire-errors.js";

const page = await readFile(join(import.meta.dirname, "../../../../docs/reference/video-streams.md"), "utf8");

test("docs/reference/video-streams.md tells every type with its status, and no other", () => {
  const errors = page.split("\n## Errors\n")[1]?.split("\n## ")[0] ?? "";
  const told = [...errors.matchAll(/^\| (\w+) +\| (\d{3}) /gm)].map(([, type, status]) => `${type} ${status}`);
  const given = new Set(Object.values(videoWireErrors).map(({ type, status }) => `${type} ${status}`));
  expect(told.toSorted()).toEqual([...given].toSorted());
});

test("it tells every error of PutMedia with its number, and no other", () => {
  const told = [...page.matchAll(/^\| (\d{4}) (\w+) +\|/gm)].map(([, id, code]) => `${id} ${code}`);
  expect(told.toSorted()).toEqual(
    Object.entries(putMediaErrors)
      .map(([code, id]) => `${id} ${code}`)
      .toSorted(),
  );
});

test("what failed inside is not told to clients", () => {
  for (const error of [new CloudError("disk-failed", "EIO on /data/log/j-1"), new TypeError("x is not a function")]) {
    expect(toVideoWireError(error)).toMatchObject({ status: 500, message: "Internal service failure." });
  }
});
