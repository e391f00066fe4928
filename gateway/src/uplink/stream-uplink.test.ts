import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Session } from "../listener/session.js";
import { ExactUpstream } from "../testing/exact-upstream.js";
import { eventually } from "../testing/eventually.js";
import { RamDisk } from "../testing/ram-disk.js";
import {
  openSpool,
  readDeadLetters,
  type SpoolOnDisk,
  type SpoolOnDiskOptions,
  valueOf,
} from "../testing/spool-on-disk.js";
import { UpstreamError } from "./upstream.js";

const session = new Session("plc", undefined, undefined);
let disk: RamDisk;
let upstream: ExactUpstream;
let gateway: SpoolOnDisk;
/** How long the forwarding wanted to wait, each time. */
let waitsMs: number[];

beforeEach(async () => {
  disk = new RamDisk();
  upstream = new ExactUpstream(1);
  waitsMs = [];
  await start();
});

afterEach(async () => {
  await gateway.stop();
  expectNothingOdd();
});

function expectNothingOdd(): void {
  expect(upstream.violations).toEqual([]);
  expect(gateway.troubles).toEqual([]);
}

async function start(options: SpoolOnDiskOptions = {}): Promise<void> {
  gateway = await openSpool(disk, {
    upstream,
    sleep: async (ms, signal) => {
      waitsMs.push(ms);
      await nextTurn(undefined, { signal });
    },
    ...options,
  });
}

const put = (data: string, key = "k"): Promise<void> =>
  gateway.ingest.publish(session, `streams/s/${key}`, Buffer.from(data));
const taken = (): string[] => (upstream.taken.get("s") ?? []).map(({ data }) => data);
const delivered = (): Promise<void> => eventually(() => expect(gateway.spool.records).toBe(0));

test("what is rejected goes again, in order, and nothing of its shard before it", async () => {
  const rejectedFrom = [2, 0, 0, 1];
  upstream.fault = () => {
    const from = rejectedFrom.shift();
    return from === undefined ? { kind: "none" } : { kind: "rejected", from };
  };
  const sent = Array.from({ length: 12 }, (_, i) => `r${i}`);
  await Promise.all(sent.map((data) => put(data)));
  await delivered();
  expect(taken()).toEqual(sent);
  expect(await valueOf(gateway.metrics, "records_forwarded_total")).toBe(12);
  expect(await valueOf(gateway.metrics, "records_rejected_total")).toBeGreaterThanOrEqual(10 + 10);
  expect(await valueOf(gateway.metrics, "possible_duplicates_total")).toBe(0);
});

test("an upstream that is away for long: messages are taken, waits grow to seconds, then all goes once", async () => {
  await put("before");
  await delivered();
  upstream.outage = new UpstreamError("unreachable", "connect ECONNREFUSED");
  const sent = Array.from({ length: 1200 }, (_, i) => `r${i}`);
  for (const data of sent) await put(data);
  await eventually(() => expect(waitsMs.length).toBeGreaterThan(40));
  expect(Math.max(...waitsMs)).toBeLessThanOrEqual(5_000);
  expect(waitsMs.at(-1)).toBeGreaterThanOrEqual(2_500);
  expect(gateway.status.overall).toEqual({ upstream: "unreachable", upstreamError: "connect ECONNREFUSED" });
  expect(gateway.spool.records).toBe(1200);
  upstream.outage = undefined;
  await delivered();
  expect(taken()).toEqual(["before", ...sent]);
  expect(gateway.status.overall).toEqual({ upstream: "connected" });
});

test("credentials that are refused: it says so, waits, and loses nothing", async () => {
  upstream.outage = new UpstreamError("rejecting", "UnrecognizedClientException: the security token is invalid");
  await put("kept");
  await eventually(() => expect(waitsMs.length).toBeGreaterThan(10));
  expect(gateway.status.overall).toMatchObject({ upstream: "rejecting" });
  expect(gateway.status.overall.upstreamError).toContain("security token");
  upstream.outage = undefined;
  await delivered();
  expect(taken()).toEqual(["kept"]);
});

test("an upstream that answers and takes nothing: it says so, unless it is only busy, until it takes records again", async () => {
  upstream.fault = () => ({ kind: "rejected", from: 0, errorCode: "InternalFailure" });
  await put("kept");
  const failing = { upstream: "rejecting", upstreamError: "s: InternalFailure: not now" };
  await eventually(() => expect(gateway.status.overall).toEqual(failing));
  upstream.fault = () => ({ kind: "rejected", from: 0 });
  await eventually(() => expect(gateway.status.overall).toEqual({ upstream: "connected" }));
  upstream.outage = new UpstreamError("failing", "InternalFailure: m");
  await eventually(() => expect(gateway.status.overall.upstream).toBe("rejecting"));
  upstream.outage = undefined;
  upstream.fault = () => ({ kind: "none" });
  await delivered();
  expect(gateway.status.overall).toEqual({ upstream: "connected" });
  expect(taken()).toEqual(["kept"]);
});

test("an upstream that refuses every record for good: it says so while it puts them aside", async () => {
  upstream.isPoison = () => true;
  await Promise.all(["a", "b"].map((data) => put(data)));
  await delivered();
  expect(gateway.status.overall).toEqual({ upstream: "rejecting", upstreamError: "s: ValidationException: poison" });
  upstream.isPoison = () => false;
  await put("good");
  await delivered();
  expect(gateway.status.overall).toEqual({ upstream: "connected" });
});

test("a record that the upstream refuses for good is found, put aside with the upstream's words, and counted", async () => {
  upstream.isPoison = ({ data }) => Buffer.from(data).toString() === "poison";
  const sent = Array.from({ length: 30 }, (_, i) => (i === 17 ? "poison" : `r${i}`));
  await Promise.all(sent.map((data) => put(data)));
  await delivered();
  expect(taken()).toEqual(sent.filter((data) => data !== "poison"));
  expect(await readDeadLetters(gateway.log)).toEqual([
    {
      v: 1,
      reason: "refused-upstream",
      detail: "ValidationException: poison",
      stream: "s",
      partitionKey: "k",
      payload: "poison",
    },
  ]);
  expect(await valueOf(gateway.metrics, "dead_letters_total")).toBe(1);
});

test("a full spool holds the acknowledgement back until the upstream takes records again", async () => {
  await gateway.stop();
  disk = new RamDisk();
  await start({ bytesMax: 3000 });
  upstream.outage = new UpstreamError("unreachable", "away");
  await put("x".repeat(1500));
  let isAcknowledged = false;
  const second = put("y".repeat(1500), "k2").then(() => (isAcknowledged = true));
  await eventually(() => expect(waitsMs.length).toBeGreaterThan(20));
  await gateway.spool.sweep();
  expect(gateway.spool.room.isFull).toBe(true);
  expect(isAcknowledged).toBe(false);
  upstream.outage = undefined;
  await delivered();
  await gateway.spool.sweep();
  await second;
  await delivered();
  expect(taken()).toHaveLength(2);
});

test("a failing disk stops the sending, not the gateway: what was announced goes again under its old name", async () => {
  upstream.fault = () => {
    // The answer to this request cannot be written down.
    disk.failure = "EIO";
    return { kind: "none" };
  };
  await put("a");
  await eventually(() => expect(upstream.calls).toBeGreaterThan(3));
  upstream.fault = () => ({ kind: "none" });
  disk.failure = undefined;
  await delivered();
  await put("b");
  await delivered();
  expect(taken()).toEqual(["a", "b"]);
});

test("a record that is read while the answer before it is written goes without another one's coming", async () => {
  await put("a");
  await delivered();
  upstream.outage = new UpstreamError("unreachable", "away");
  await put("b");
  await eventually(() => expect(upstream.calls).toBeGreaterThan(1));
  const letRead = disk.holdReads();
  await put("c");
  await eventually(() => expect(disk.held).toBe(1));
  const letSync = disk.holdSyncs();
  upstream.outage = undefined;
  await eventually(() => expect(disk.held).toBe(2));
  letRead();
  await nextTurn();
  letSync();
  await delivered();
  expect(taken()).toEqual(["a", "b", "c"]);
});

test("after a reshard the records go to the new shards, in order", async () => {
  await Promise.all(["a", "b", "c"].map((data) => put(data)));
  await delivered();
  upstream.reshard(4);
  const sent = Array.from({ length: 50 }, (_, i) => `r${i}`);
  for (const [i, data] of sent.entries()) await put(data, `k${i % 3}`);
  await delivered();
  expect(upstream.listings).toBe(2);
  for (let key = 0; key < 3; key++) {
    const arrived = (upstream.taken.get("s") ?? []).filter(({ partitionKey }) => partitionKey === `k${key}`);
    expect(arrived.map(({ data }) => data)).toEqual(sent.filter((_, i) => i % 3 === key));
  }
});

test("stopped in the middle of everything, it ends at once and goes on at the next start", async () => {
  upstream.outage = new UpstreamError("unreachable", "away");
  await Promise.all(["a", "b"].map((data) => put(data)));
  await gateway.stop();
  const { calls } = upstream;
  await gateway.log.close();
  expect(upstream.calls).toBe(calls);
  upstream.outage = undefined;
  await start();
  await delivered();
  expect(taken()).toEqual(["a", "b"]);
});
