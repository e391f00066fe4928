import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, openLog } from "@headwater/log";
import { decodeRecord, decodeRecordsEnvelope } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DeviceEvent } from "../report.js";
import { FailingDisk } from "../testing/failing-disk.js";
import { ManualClock } from "../testing/manual-clock.js";
import { RECORD_OVERHEAD_BYTES, Spool, type SpoolOptions, WAITING_BYTES_MAX } from "./spool.js";

const MIB = 1024 * 1024;

let directory: string;
let disk: FailingDisk;
let clock: ManualClock;
let log: Log;
let events: DeviceEvent[];
const { signal } = new AbortController();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "spool-"));
  [disk, clock, events] = [new FailingDisk(), new ManualClock(), []];
});
afterEach(async () => {
  disk.failure = undefined;
  await log.close();
  await rm(directory, { recursive: true });
});

async function openSpool(change: Partial<SpoolOptions> = {}): Promise<Spool> {
  log = await openLog({ directory, disk, clock, journals: 1, journalBytesMax: 2 * MIB });
  return Spool.open({
    log,
    device: "pi-1",
    clock,
    report: recordEvent,
    bytesMax: 4 * MIB,
    onFull: "reject",
    ...change,
  });
}

function recordEvent(event: DeviceEvent): void {
  events.push(event);
}

function textOf(encoded: Uint8Array): string {
  return Buffer.from(decodeRecord(encoded).data).toString();
}

async function reopenSpool(change: Partial<SpoolOptions> = {}): Promise<Spool> {
  await log.close();
  return openSpool(change);
}

const record = (data: string | Uint8Array) => ({ stream: "sensors", partitionKey: "k", data });

interface Read {
  readonly spoolId: string;
  readonly next: number;
  readonly entries: readonly { readonly sequence: number; readonly captureMs: number; readonly data: string }[];
}

async function readFrom(spool: Spool, position: number): Promise<Read> {
  const envelope = await spool.next(position, signal);
  if (envelope === undefined) throw new Error("aborted");
  const { spoolId, entries } = decodeRecordsEnvelope(envelope.payload);
  return {
    spoolId,
    next: envelope.next,
    entries: entries.map(({ sequence, captureMs, record }) => ({ sequence, captureMs, data: textOf(record) })),
  };
}

test("a record comes out as it was put, with its sequence and its capture time", async () => {
  const spool = await openSpool();
  const captureMs = clock.now();
  const { sequence } = await spool.put({ ...record("21.5"), explicitHashKey: "340" });
  clock.advance(5_000);
  const envelope = await spool.next(spool.first, signal);
  const [entry] = decodeRecordsEnvelope(envelope?.payload ?? Buffer.of()).entries;
  expect(entry).toMatchObject({ sequence, captureMs, clockUnsynchronised: false });
  expect(decodeRecord(entry?.record ?? Buffer.of())).toMatchObject({
    stream: "sensors",
    partitionKey: "k",
    explicitHashKey: "340",
    boot: 1,
    data: Buffer.from("21.5"),
  });
});

test("puts that run at once keep the order of the calls and share their syncs", async () => {
  const spool = await openSpool();
  const before = disk.syncs;
  const texts = Array.from({ length: 2_000 }, (_, i) => `record ${i}`);
  const sequences = await Promise.all(texts.map(async (text) => (await spool.put(record(text))).sequence));
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  expect(new Set(sequences).size).toBe(2_000);
  expect(disk.syncs - before).toBeLessThan(20);
  const first = await readFrom(spool, spool.first);
  const second = await readFrom(spool, first.next);
  const entries = [...first.entries, ...second.entries];
  expect(entries.map(({ data }) => data)).toEqual(texts);
  expect(entries.map(({ sequence }) => sequence)).toEqual(sequences);
});

test("data that the caller changes after the call is stored as it was", async () => {
  const spool = await openSpool();
  const data = Buffer.from("before");
  const put = spool.put(record(data));
  data.write("after!");
  await put;
  expect((await readFrom(spool, spool.first)).entries[0]?.data).toBe("before");
});

test("a message holds up to 128 KiB; a larger record goes alone", async () => {
  const spool = await openSpool();
  for (const bytes of [40_000, 40_000, 40_000, 900_000, 10]) await spool.put(record(Buffer.alloc(bytes)));
  for (let i = 0; i < 3_000; i++) void spool.put(record("x"));
  await spool.put(record("last"));
  const counts: number[] = [];
  for (let position = spool.first; position < log.bounds("records").next;) {
    const envelope = await spool.next(position, signal);
    if (envelope === undefined) break;
    expect(envelope.records === 1 || envelope.payload.length <= 128 * 1024).toBe(true);
    counts.push(envelope.records);
    position = envelope.next;
  }
  expect(counts.slice(0, 3)).toEqual([2, 1, 1]);
  expect(counts.reduce((sum, count) => sum + count)).toBe(3_006);
});

test("what is stored outlives the process, under the same identity", async () => {
  const spool = await openSpool();
  await spool.put(record("one"));
  await spool.put(record("two"));
  const before = await readFrom(spool, spool.first);
  const again = await reopenSpool();
  clock.advance(10_000);
  expect(await readFrom(again, again.first)).toEqual(before);
  const { sequence } = await again.put(record("three"));
  expect(sequence).toBeGreaterThan(before.entries[1]?.sequence ?? 0);
  expect(again.status().spoolId).toBe(before.spoolId);
});

test("no sequence is given twice, even where nothing of it is left on the disk", async () => {
  let spool = await openSpool();
  const given: number[] = [];
  for (let run = 0; run < 4; run++) {
    given.push((await spool.put(record("x"))).sequence);
    spool.release(log.bounds("records").next);
    spool = await reopenSpool();
  }
  expect(given).toEqual([...new Set(given)].sort((a, b) => a - b));
});

test("what is acknowledged frees its room at once, and is not sent by the next process", async () => {
  const spool = await openSpool();
  await spool.put(record("sent".padEnd(1_000)));
  const { next } = await readFrom(spool, spool.first);
  await spool.put(record("kept".padEnd(1_000)));
  const before = spool.status();
  spool.release(next);
  const after = spool.status();
  expect([before.records, after.records]).toEqual([2, 1]);
  expect(before.bytes - after.bytes).toBeGreaterThanOrEqual(1_000 + RECORD_OVERHEAD_BYTES);
  const again = await reopenSpool();
  expect((await readFrom(again, again.first)).entries.map(({ data }) => data.trim())).toEqual(["kept"]);
});

test("a full spool refuses, by its bound, and takes records again when there is room", async () => {
  const spool = await openSpool();
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () =>
      spool.put(record(Buffer.alloc(100_000))).then(
        () => "put",
        (error: Error) => error,
      ),
    ),
  );
  const refused = outcomes.filter((outcome) => outcome !== "put");
  expect(refused.length).toBe(50 - Math.floor((4 * MIB) / (100_000 + 24 + 8 + RECORD_OVERHEAD_BYTES)));
  expect(refused[0]).toMatchObject({ name: "DeviceError", code: "spool-full", retriable: true });
  expect(spool.status().bytes).toBeLessThanOrEqual(4 * MIB);
  expect(spool.status().refused).toEqual({ "spool-full": refused.length });
  spool.release((await readFrom(spool, spool.first)).next);
  await spool.put(record(Buffer.alloc(50_000)));
});

test("a full spool that may drop gives up the oldest, counts them, and keeps the order", async () => {
  const spool = await openSpool({ onFull: "drop-oldest" });
  for (let i = 0; i < 20; i++) await spool.put(record(`${i} `.padEnd(100_000)));
  const sent = await readFrom(spool, spool.first); // under way, not acknowledged
  expect(sent.entries.map(({ data }) => data.trim())).toEqual(["0"]);
  for (let i = 20; i < 100; i++) await spool.put(record(`${i} `.padEnd(100_000)));
  const { bytes, dropped, records } = spool.status();
  expect(bytes).toBeLessThanOrEqual(4 * MIB);
  expect(dropped["spool-full-in-flight"]).toBe(1);
  expect((dropped["spool-full"] ?? 0) + 1 + records).toBe(100);
  spool.release(sent.next); // its acknowledgement comes late
  const kept: number[] = [];
  for (let position = sent.next; kept.length < records;) {
    const read = await readFrom(spool, position);
    kept.push(...read.entries.map(({ data }) => Number(data)));
    position = read.next;
  }
  expect(kept).toEqual(Array.from({ length: records }, (_, i) => 100 - records + i));
});

test("records that no one awaits are bounded in memory", async () => {
  const spool = await openSpool({ bytesMax: 256 * MIB });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, () =>
      spool.put(record(Buffer.alloc(MIB - 1))).then(
        () => "put",
        (error: Error) => error,
      ),
    ),
  );
  const put = outcomes.filter((outcome) => outcome === "put").length;
  expect(put).toBeGreaterThanOrEqual(WAITING_BYTES_MAX / MIB);
  expect(put).toBeLessThanOrEqual(WAITING_BYTES_MAX / MIB + 1);
  expect(outcomes.at(-1)).toMatchObject({ code: "overloaded", retriable: true });
  await spool.put(record("later"));
});

test.each([
  ["ENOSPC", "disk-full"],
  ["EIO", "disk-failed"],
] as const)(
  "a disk that answers %s is an error to the caller, and over when the disk is well",
  async (failure, code) => {
    const spool = await openSpool();
    await spool.put(record("before"));
    disk.failure = failure;
    await expect(spool.put(record("during"))).rejects.toMatchObject({ name: "DeviceError", code, retriable: true });
    expect(spool.status()).toMatchObject({ disk: code, refused: { [code]: 1 } });
    disk.failure = undefined;
    await spool.put(record("after"));
    expect(spool.status().disk).toBe("ok");
    expect((await readFrom(spool, spool.first)).entries.map(({ data }) => data)).toEqual(["before", "after"]);
  },
);

test("a spool on a full disk opens, sends what it has, and takes records once there is room", async () => {
  const spool = await openSpool();
  const { sequence } = await spool.put(record("stored"));
  await log.close();
  clock.reboot(clock.now() + 60_000);
  disk.failure = "ENOSPC";
  const again = await openSpool();
  expect(again.status().disk).toBe("disk-full");
  expect((await readFrom(again, again.first)).entries.map(({ data }) => data)).toEqual(["stored"]);
  await expect(again.put(record("refused"))).rejects.toMatchObject({ code: "disk-full" });
  disk.failure = undefined;
  expect((await again.put(record("taken"))).sequence).toBeGreaterThan(sequence);
});

test("a new boot dates its own records by its own clock, and those before by theirs", async () => {
  const spool = await openSpool();
  clock.advance(500);
  const beforeMs = clock.now();
  await spool.put(record("before"));
  await log.close();
  clock.reboot(clock.now() + 3_600_000);
  const again = await openSpool();
  clock.advance(7);
  const afterMs = clock.now();
  await again.put(record("after"));
  const { entries } = await readFrom(again, again.first);
  expect(entries.map(({ captureMs }) => captureMs)).toEqual([beforeMs, afterMs]);
});

test("a damaged spool begins a new identity for new records, and sends the old ones under theirs", async () => {
  const spool = await openSpool();
  for (let i = 0; i < 5; i++) await spool.put(record(`record ${i} `.padEnd(2_000, "x")));
  const old = await readFrom(spool, spool.first);
  await log.close();
  await flipByteOf("record 2 ");
  const again = await openSpool();
  expect(again.status().spoolId).not.toBe(old.spoolId);
  expect(again.status().damageFound).toBe(1);
  expect(events).toContainEqual(
    expect.objectContaining({ level: "error", message: expect.stringContaining("identity") }),
  );
  await again.put(record("new"));
  const first = await readFrom(again, again.first);
  expect(first).toEqual({ ...old, entries: old.entries.filter((_, i) => i !== 2), next: first.next });
  const second = await readFrom(again, first.next);
  expect(second).toMatchObject({ spoolId: again.status().spoolId, entries: [{ data: "new" }] });
});

test("flushed waits for what was put before it, and for nothing else", async () => {
  const spool = await openSpool();
  await spool.flushed(signal);
  await spool.put(record("one"));
  let isFlushed = false;
  const flushed = spool.flushed(signal).then(() => (isFlushed = true));
  await spool.put(record("two"));
  const { next } = await readFrom(spool, spool.first);
  expect(isFlushed).toBe(false);
  spool.release(next - 1);
  await flushed;
  const stopping = new AbortController();
  const waiting = spool.flushed(stopping.signal);
  stopping.abort(new Error("no longer"));
  await expect(waiting).rejects.toThrow("no longer");
});

/** Flips one bit of the data that begins with a text, wherever the log put it. */
async function flipByteOf(text: string): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) {
    if (!name.includes(".")) continue;
    const file = await open(join(directory, name), "r+");
    const bytes = await file.readFile();
    const at = bytes.indexOf(text);
    if (at !== -1) await file.write(Buffer.of((bytes[at] ?? 0) ^ 1), 0, 1, at);
    await file.close();
    if (at !== -1) return;
  }
  throw new Error(`no file holds ${text}`);
}
