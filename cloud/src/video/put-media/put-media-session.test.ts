import { setImmediate as nextTurn } from "node:timers/promises";
import { ManualClock } from "@headwater/log/testing";
import fc from "fast-check";
import { Registry } from "../../prometheus.js";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { MemoryLog } from "../../testing/memory-log.js";
import { numberPrefix } from "../store/fragment-number.js";
import { FragmentStore } from "../store/fragment-store.js";
import { decodeMediaRecord } from "../store/media-record.js";
import { cluster, fragment, header } from "../testing/producer-document.js";
import { VideoTraffic } from "../video-traffic.js";
import { type Acknowledgement, encodeAcknowledgement } from "./acknowledgement.js";
import { ArrivingBytes } from "./arriving-bytes.js";
import { PutMediaSession } from "./put-media-session.js";

let log: MemoryLog;
let store: FragmentStore;
let arriving: ArrivingBytes;

beforeEach(async () => {
  const clock = new ManualClock();
  log = new MemoryLog(clock);
  await log.createShards(["m", "i"]);
  store = await FragmentStore.open({ log, clock, shards: { media: "m", index: "i" } });
  arriving = new ArrivingBytes(1_000_000);
});

function begin(): { session: PutMediaSession; acks: Acknowledgement[]; faults: string[] } {
  const acks: Acknowledgement[] = [];
  const faults: string[] = [];
  const session = new PutMediaSession({
    store,
    numberPrefix: numberPrefix(0),
    timeBaseMs: 0,
    isBackfill: false,
    traffic: new VideoTraffic(new Registry()),
    arriving,
    acknowledge: (ack) => acks.push(ack),
    onFault: ({ code }) => faults.push(code),
  });
  return { session, acks, faults };
}

describe("memory for frames that have not come whole", () => {
  const unfinished = Buffer.concat([
    header(),
    cluster(0, [{ at: 0, isKey: true, data: Buffer.alloc(800_000) }]).subarray(0, -100_000),
  ]);

  /** As the system hands them over. */
  async function takeInChunks(session: PutMediaSession): Promise<void> {
    for (let at = 0; at < unfinished.length; at += 65_536) await session.take(unfinished.subarray(at, at + 65_536));
  }

  test("is shared, and who finds no room is sent away", async () => {
    const [first, second] = [begin(), begin()];
    await takeInChunks(first.session);
    await takeInChunks(second.session);
    expect([first.faults, second.faults]).toEqual([[], ["STREAM_READ_ERROR"]]);
    await first.session.take(Buffer.alloc(100_000));
    await first.session.end();
    expect(first.acks.at(-1)?.event).toBe("PERSISTED");
  });

  test("is given back, however a session ends", async () => {
    const [broken, ended] = [begin(), begin()];
    await takeInChunks(broken.session);
    broken.session.abort();
    await takeInChunks(ended.session);
    await ended.session.end();
    expect(ended.faults).toEqual(["STREAM_READ_ERROR"]);
    expect(arriving.bytes).toBe(0);
  });
});

test("what was complete before an error is acknowledged before it", async () => {
  const { session, acks, faults } = begin();
  await session.take(Buffer.concat([header(), fragment(1000), fragment(2000, { ends: true }), Buffer.alloc(9)]));
  await session.end();
  expect(acks.flatMap((ack) => (ack.event === "PERSISTED" ? ack.fragment.timecodeMs : []))).toEqual([1000, 2000]);
  expect(acks.at(-1)).toMatchObject({ event: "ERROR", code: "INVALID_MKV_DATA" });
  expect(faults).toEqual(["INVALID_MKV_DATA"]);
});

describe("what is tiny does not pile up", () => {
  test("fragments wait for their entries in the index", async () => {
    const { session, acks } = begin();
    const pictures = Array.from({ length: 100 }, (_, i) => cluster(i, [{ at: 0, isKey: true, data: "a" }]));
    await session.take(Buffer.concat([header(), ...pictures]));
    expect(acks.filter(({ event }) => event === "PERSISTED")).toHaveLength(99);
  });

  test("frames go to the log a thousand at a time, and count for more than their data", async () => {
    const { session } = begin();
    const appended: number[] = [];
    const append = log.append.bind(log);
    log.append = (shard, frames) => {
      if (shard === "m") appended.push(frames.length);
      return append(shard, frames);
    };
    const first = cluster(0, [{ at: 0, isKey: true, data: "a" }]);
    const block = cluster(0, [
      { at: 0, isKey: true, data: "a" },
      { at: 1, data: "b" },
    ]).subarray(first.length);
    const wait = session.take(Buffer.concat([header(), first, Buffer.alloc(20_000 * block.length, block)]));
    expect(wait).toBeDefined();
    await wait;
    await session.end();
    expect(Math.max(...appended)).toBe(1024);
  });
});

describe("a chunk of thousands of frames", () => {
  const first = cluster(0, [{ at: 0, isKey: true, data: "a" }]);
  const block = cluster(0, [
    { at: 0, isKey: true, data: "a" },
    { at: 1, data: "b" },
  ]).subarray(first.length);
  const chunk = Buffer.concat([header(), first, Buffer.alloc(10_000 * block.length, block)]);

  test("leaves others their turns of the event loop", async () => {
    const { session } = begin();
    let turns = 0;
    const count = (): void => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await session.take(chunk);
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(9);
    session.abort();
  });

  test("is taken to its end, also where the input ends meanwhile", async () => {
    const { session, acks } = begin();
    void session.take(chunk);
    await session.end();
    expect(acks.at(-1)?.event).toBe("PERSISTED");
    expect(store.published(-Infinity).map(({ frames }) => frames)).toEqual([10_001]);
  });

  test("is taken no further once the connection is gone", async () => {
    const { session, faults } = begin();
    const taken = session.take(chunk);
    session.abort();
    await taken;
    expect(log.appended).toBeLessThan(2000);
    expect([faults, store.coming]).toEqual([[], []]);
  });
});

test("where the log has no room, what is complete waits for it without its connection, and what is not is given up", async () => {
  const [complete, incomplete] = [begin(), begin()];
  log.failure = "overloaded";
  // Its second try, were there one, would come before the other's.
  void incomplete.session.take(Buffer.concat([header(), fragment(1000)]));
  void complete.session.take(Buffer.concat([header(), fragment(2000, { ends: true })]));
  await nextTurn();
  incomplete.session.abort();
  complete.session.abort();
  await nextTurn();
  log.failure = undefined;
  await vi.waitFor(() => expect(complete.acks.at(-1)?.event).toBe("PERSISTED"));
  const { frames } = await log.read("m", 0, { frames: 100, bytes: 1e6 });
  const begun = frames.map(({ data }) => decodeMediaRecord(data)).filter(({ kind }) => kind === "begin");
  expect(begun).toMatchObject([{ begin: { producerMs: 2000 } }]);
});

test("a time that clients could not read ends a session", async () => {
  const [last, later] = [begin(), begin()];
  const lastMs = Date.UTC(10_000, 0) - 1;
  await last.session.take(Buffer.concat([header(), fragment(lastMs)]));
  await later.session.take(Buffer.concat([header(), fragment(lastMs + 1)]));
  await Promise.all([last.session.end(), later.session.end()]);
  expect([last.faults, later.faults]).toEqual([[], ["INVALID_PRODUCER_TIMESTAMP"]]);
});

test("a body that never comes to anything is ended", async () => {
  arriving = new ArrivingBytes();
  const { session, faults } = begin();
  await session.take(Buffer.concat([header(), Buffer.from("ec01000fffffffffff", "hex")]));
  for (let i = 0; i < 70 && faults.length === 0; i++) await session.take(Buffer.alloc(1 << 20));
  expect(faults).toEqual(["INVALID_MKV_DATA"]);
  expect(arriving.bytes).toBe(0);
});

test("whatever comes, cut however: at most one error, at its end, with lines that a producer can read", async () => {
  const good = Buffer.concat([header(), fragment(1000), fragment(2000, { ends: true }), fragment(3000)]);
  const change = fc.record({ at: fc.nat(good.length - 1), to: fc.integer({ min: 0, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 6 }), fc.array(fc.nat(good.length)), async (changes, cuts) => {
      const { session, acks, faults } = begin();
      const body = Buffer.from(good);
      for (const { at, to } of changes) body[at] = to;
      const ends = [...cuts, body.length].toSorted((a, b) => a - b);
      let from = 0;
      for (const end of ends) {
        await session.take(body.subarray(from, end));
        from = end;
      }
      await session.end();
      expect(acks.filter(({ event }) => event === "ERROR")).toHaveLength(faults.length);
      expect(faults.length).toBeLessThanOrEqual(1);
      expect(faults).not.toContain("INTERNAL_ERROR");
      for (const ack of acks) {
        const line = encodeAcknowledgement(ack);
        expect(line.length).toBeLessThanOrEqual(1024);
        expect(JSON.parse(line)).toMatchObject({ EventType: ack.event });
      }
      expect(acks.filter(({ event }) => event === "PERSISTED").length).toBeGreaterThanOrEqual(
        changes.length === 0 ? 3 : 0,
      );
    }),
    { numRuns: 300 },
  );
});
