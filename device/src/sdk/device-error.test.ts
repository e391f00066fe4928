import { LogError } from "@headwater/log";
import { expect, test } from "vitest";
import { DeviceError, fromLogError } from "./device-error.js";

test.each([
  ["disk-full", "disk-full", true],
  ["disk-failed", "disk-failed", true],
  ["overloaded", "overloaded", true],
  ["closed", "closed", false],
  ["directory-in-use", "directory-in-use", false],
  ["unsupported-format", "unsupported-format", false],
] as const)("the log's %s is the device's %s", (fromCode, code, retriable) => {
  const cause = new LogError(fromCode, "why");
  const error = fromLogError(cause);
  expect(error).toBeInstanceOf(DeviceError);
  expect(error).toMatchObject({ code, retriable, message: "why", cause });
});

test.each([new TypeError("bug"), new LogError("no-such-shard", "bug"), new DeviceError("spool-full", "full")])(
  "%s stays what it is",
  (error) => {
    expect(fromLogError(error)).toBe(error);
  },
);
