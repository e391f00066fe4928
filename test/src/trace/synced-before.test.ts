import { describe, expect, test } from "vitest";
import { missingProof } from "./synced-before.js";
import { parseTrace, type TraceEvent } from "./trace-events.js";

const open = String.raw`10 openat(AT_FDCWD</>, "/d/log/1", O_RDWR|O_CREAT|O_EXCL, 0666) = 18</d/log/1>`;
const directorySync = `11 fsync(19</d/log>) = 0`;
const write = String.raw`11 pwritev(18</d/log/1>, [{iov_base="\x68\x65\x61\x64", iov_len=4}, {iov_base="\x70\x61\x79", iov_len=3}], 2, 0) = 7`;
const sync = `12 fdatasync(18</d/log/1>) = 0`;
const ack = String.raw`10 write(21<TCP:[127.0.0.1:1883->127.0.0.1:5000]>, "\x40\x02\x00\x07", 4) = 4`;

const isPuback = ({ args, data }: TraceEvent): boolean => args.startsWith("21<TCP") && data === "@\u0002\0\u0007";
const verdict = (...lines: string[]): string | undefined => missingProof(parseTrace(lines.join("\n")), "pay", isPuback);

test("a write, its sync, then the acknowledgement: proven", () => {
  expect(verdict(open, directorySync, write, sync, ack)).toBeUndefined();
  expect(verdict(write, sync, ack), "a file older than the trace needs no directory sync").toBeUndefined();
});

test("a vectored write's parts count as one", () => {
  const split = String.raw`10 writev(21<TCP:[127.0.0.1:1883->127.0.0.1:5000]>, [{iov_base="\x40", iov_len=1}, {iov_base="\x02", iov_len=1}, {iov_base="\x00\x07", iov_len=2}], 3) = 4`;
  expect(verdict(write, sync, split)).toBeUndefined();
  expect(verdict(write, split, sync)).toBe("no sync covers the write before the acknowledgement");
});

test("an acknowledgement in whose write the process was killed was still given", () => {
  const killedIn = ack.replace("= 4", "= ?");
  expect(verdict(write, sync, killedIn)).toBeUndefined();
  expect(verdict(write, killedIn)).toBe("no sync covers the write before the acknowledgement");
});

const openSynced = open.replace("O_EXCL", "O_EXCL|O_DSYNC");

test("a write to a file that syncs its writes needs no sync", () => {
  expect(verdict(openSynced, directorySync, write, ack)).toBeUndefined();
  expect(verdict(openSynced.replace("O_DSYNC", "O_SYNC"), directorySync, write, ack)).toBeUndefined();
});

test("calls of other threads may come between", () => {
  expect(
    verdict(
      String.raw`11 pwritev(18</d/log/1>, [{iov_base="\x70\x61\x79", iov_len=3}], 1, 0 <unfinished ...>`,
      String.raw`10 write(22<pipe:[5]>, "\x2a", 1) = 1`,
      `11 <... pwritev resumed>)           = 3`,
      `12 fdatasync(18</d/log/1> <unfinished ...>`,
      `10 write(22<pipe:[5]>, "x", 1) = 1`,
      `12 <... fdatasync resumed>)         = 0`,
      ack,
    ),
  ).toBeUndefined();
});

describe("a doctored trace is refused:", () => {
  const none = "no sync covers the write before the acknowledgement";
  const cases: [string, string[], string][] = [
    ["without the sync", [write, ack], none],
    ["the sync before the write", [sync, write, ack], none],
    ["the sync after the acknowledgement", [write, ack, sync], none],
    ["the sync of another file", [write, `12 fdatasync(17</d/log/2>) = 0`, ack], none],
    ["a failed sync", [write, `12 fdatasync(18</d/log/1>) = -1 EIO (Input/output error)`, ack], none],
    ["a sync of which no return is known", [write, `12 fdatasync(18</d/log/1>) = ?`, ack], none],
    [
      "a sync that began before the write returned",
      [
        String.raw`11 pwritev(18</d/log/1>, [{iov_base="\x70\x61\x79", iov_len=3}], 1, 0 <unfinished ...>`,
        `12 fdatasync(18</d/log/1> <unfinished ...>`,
        `11 <... pwritev resumed>)           = 3`,
        `12 <... fdatasync resumed>)         = 0`,
        ack,
      ],
      none,
    ],
    [
      "a sync that returns after the acknowledgement began",
      [write, `12 fdatasync(18</d/log/1> <unfinished ...>`, ack, `12 <... fdatasync resumed>) = 0`],
      none,
    ],
    [
      "a file that syncs its writes, opened under the same number after the write",
      [open, directorySync, write, openSynced, ack],
      none,
    ],
    [
      "another file under the number of one that syncs its writes",
      [openSynced, directorySync, open.replaceAll("/1", "/2"), write.replace("/1", "/2"), ack],
      none,
    ],
    [
      "a file that only has the flag in its name",
      [open.replaceAll("/1", "/O_DSYNC"), directorySync, write.replace("/1", "/O_DSYNC"), ack],
      none,
    ],
    [
      "a write to a file that syncs its writes, of which no return is known",
      [openSynced, directorySync, write.replace("= 7", "= ?"), ack],
      "the bytes are not written before the acknowledgement",
    ],
    [
      "a new file that syncs its writes in an unsynced directory",
      [openSynced, write, ack],
      "the file's directory is not synced after its creation",
    ],
    [
      "other bytes",
      [write.replaceAll(String.raw`\x70`, String.raw`\x71`), sync, ack],
      "the bytes are not written before the acknowledgement",
    ],
    [
      "a failed write",
      [write.replace("= 7", "= -1 ENOSPC (No space left on device)"), sync, ack],
      "the bytes are not written before the acknowledgement",
    ],
    ["no acknowledgement", [write, sync], "no acknowledgement in the trace"],
    [
      "a new file in an unsynced directory",
      [open, write, sync, ack],
      "the file's directory is not synced after its creation",
    ],
    [
      "a directory synced before the file was made",
      [directorySync, open, write, sync, ack],
      "the file's directory is not synced after its creation",
    ],
    [
      "io_uring",
      [`10 io_uring_setup(64, {flags=0}) = 9<anon_inode:[io_uring]>`, write, sync, ack],
      "io_uring is in use, so the trace cannot show the syncs",
    ],
  ];
  test.each(cases)("%s", (_, lines, problem) => {
    expect(verdict(...lines)).toBe(problem);
  });
});
