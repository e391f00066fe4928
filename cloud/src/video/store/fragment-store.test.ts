import { type Appended, type Frame, LogError } from "@headwater/log";
import { ManualClock } from "@headwater/log/testing";
import { beforeEach, expect, test } from "vitest";
import { MemoryLog } from "../../testing/memory-log.js";
import { BACKFILL_TAG, type Fragment } from "./fragment.js";
import { fragmentNumber, numberPrefix, positionOf } from "./fragment-number.js";
import { FragmentStore } from "./fragment-store.js";
import { decodeIndexEntry, encodeIndexEntry } from "./index-entry.js";
import type { OpenFragment } from "./open-fragment.js";
import { FragmentGone, readFragment } from "./read-fragment.js";

/** A log whose index shard can stop taking entries, as where the power goes between the two syncs. */
class TwoShards extends MemoryLog {
  takesEntries = true;

  override append(shard: string, frames: readonly Frame[]): Promise<Appended> {
    if (shard === "i" && !this.takesEntries) return Promise.reject(new LogError("disk-failed", "power cut"));
    return super.append(shard, frames);
  }
}

const clock = new ManualClock();
const shards = { media: "m", index: "i" };
let log: TwoShards;
let store: FragmentStore;

const open = (): Promise<FragmentStore> => FragmentStore.open({ log, clock, shards });

beforeEach(async () => {
  log = new TwoShards(clock);
  await log.createShards(["m", "i"]);
  store = await open();
});

function begin(producerMs: number): OpenFragment {
  const appender = store.appender(new AbortController().signal, () => undefined);
  const fragment = store.begin(
    appender,
    { producerMs, serverMs: clock.now(), init: Buffer.from("init") },
    () => undefined,
  );
  fragment.addFrame({ track: 1, isKey: true, offsetUs: 0, data: Buffer.from(`at ${producerMs}`) });
  return fragment;
}

async function complete(fragment: OpenFragment): Promise<Fragment> {
  const whole = await fragment.end(1000);
  if (whole === undefined) throw new Error("the append failed");
  await store.publish(fragment, whole);
  return whole;
}

const times = (published: readonly Fragment[]): number[] => published.map(({ producerMs }) => producerMs);

test("a fragment whose entry a crash prevented gets it at the start, with the number that it had", async () => {
  await complete(begin(1));
  log.takesEntries = false;
  const fragment = begin(2);
  await expect(complete(fragment)).rejects.toThrow("power cut");
  expect(times(store.published(0))).toEqual([1]);
  log.takesEntries = true;
  const again = await open();
  expect(times(again.published(0))).toEqual([1, 2]);
  expect(again.published(0)[1]?.begin).toBe(fragment.begin);
  expect((await open()).published(0), "the entry is there now").toHaveLength(2);
});

test("what was sent late stays marked, whichever crash comes between", async () => {
  const backfill = (producerMs: number): OpenFragment => {
    const fragment = begin(producerMs);
    fragment.addTag(BACKFILL_TAG);
    return fragment;
  };
  await complete(begin(9));
  await complete(backfill(1));
  log.takesEntries = false;
  await expect(complete(backfill(2))).rejects.toThrow("power cut");
  log.takesEntries = true;
  const again = await open();
  expect(again.published(0).map(({ producerMs, isBackfill }) => [producerMs, isBackfill])).toEqual([
    [9, false],
    [1, true],
    [2, true],
  ]);
  expect(again.newestLive(0)?.producerMs).toBe(9);
});

test("an entry of the first version, which knew no lanes, is live", () => {
  const fragment: Fragment = {
    id: 7n,
    begin: 1,
    end: 5,
    producerMs: 2,
    serverMs: 3,
    durationMs: 4,
    bytes: 6,
    frames: 8,
    contentCrc: 9,
    initCrc: 10,
    isBackfill: true,
  };
  const entry = encodeIndexEntry({ fragment, scanFrom: 1 });
  expect(decodeIndexEntry(entry)).toEqual({ fragment, scanFrom: 1 });
  const first = entry.subarray(0, -1);
  first.writeUInt8(1, 0);
  expect(decodeIndexEntry(first).fragment).toEqual({ ...fragment, isBackfill: false });
});

test("also where it began before the last one that has an entry", async () => {
  const slow = begin(1);
  await complete(begin(2));
  log.takesEntries = false;
  await expect(complete(slow)).rejects.toThrow("power cut");
  log.takesEntries = true;
  expect(times((await open()).published(0))).toEqual([2, 1]);
});

test("a fragment that a crash left incomplete is not shown, and counted", async () => {
  await complete(begin(1));
  const broken = begin(2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(broken.begin).toBeDefined();
  const again = await open();
  expect([times(again.published(0)), again.incomplete]).toEqual([[1], 1]);
});

test("a fragment that is trimmed while it is read is gone, not shorter", async () => {
  const fragment = await complete(begin(1));
  await log.trimBefore("m", fragment.end);
  const read = async (): Promise<void> => {
    for await (const parts of readFragment(log, "m", fragment)) expect(parts).toEqual([]);
  };
  await expect(read()).rejects.toThrow(FragmentGone);
});

test("what is still coming is not trimmed, however old what is complete has become", async () => {
  const slow = begin(1);
  await complete(begin(2));
  clock.advance(10_000);
  await store.trim(clock.now() - 5000);
  expect(times(store.published(clock.now() - 5000))).toEqual([]);
  const whole = await complete(slow);
  const parts: string[] = [];
  for await (const page of readFragment(log, "m", whole)) parts.push(...page.map(({ kind }) => kind));
  expect(parts).toEqual(["init", "frame"]);
});

test("a fragment number says its position, and numbers of other streams lie before or after", () => {
  const prefix = numberPrefix(1_700_000_000_000);
  expect(fragmentNumber(prefix, 12)).toBe("91700000000000000000000000000000000000000000012");
  expect(positionOf(prefix, fragmentNumber(prefix, 12))).toBe(12);
  expect(positionOf(prefix, fragmentNumber(numberPrefix(1_600_000_000_000), 12))).toBe(-1);
  expect(positionOf(prefix, fragmentNumber(numberPrefix(1_800_000_000_000), 12))).toBe(Number.POSITIVE_INFINITY);
});
