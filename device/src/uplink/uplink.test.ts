import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Condition } from "../condition.js";
import type { DeviceEvent } from "../report.js";
import type { Envelope } from "../spool/envelope-reader.js";
import { ManualClock } from "../testing/manual-clock.js";
import { type Fate, ScriptedGateway } from "../testing/scripted-gateway.js";
import { defaultWindowLimits } from "./send-window.js";
import { PUBLISH_TIMEOUT_MS, type RecordSource, Uplink } from "./uplink.js";

/** Numbered records, one to a message. */
class NumberedRecords implements RecordSource {
  first = 0;
  readonly #grown = new Condition();
  #next = 0;

  constructor(readonly messageBytes = 100) {}

  add(count: number): void {
    this.#next += count;
    this.#grown.notify();
  }

  async next(position: number, signal: AbortSignal): Promise<Envelope | undefined> {
    while (position >= this.#next && !signal.aborted) await this.#grown.wait(signal);
    if (signal.aborted) return undefined;
    const payload = Buffer.alloc(this.messageBytes);
    payload.writeUInt32LE(position);
    return { payload, records: 1, next: position + 1 };
  }

  release(position: number): void {
    this.first = Math.max(this.first, position);
  }
}

const at = (afterTurns: number): Fate => ({ kind: "acknowledged", afterTurns });
let stopping: AbortController;
let running: Promise<void> | undefined;
beforeEach(() => {
  [stopping, running] = [new AbortController(), undefined];
});
afterEach(async () => {
  stopping.abort();
  await running;
});

interface Bench {
  readonly clock: ManualClock;
  readonly gateway: ScriptedGateway;
  readonly records: NumberedRecords;
  readonly uplink: Uplink;
  readonly events: DeviceEvent[];
}

function start(fate: () => Fate, records = new NumberedRecords()): Bench {
  const clock = new ManualClock();
  const gateway = new ScriptedGateway(fate);
  const events: DeviceEvent[] = [];
  const uplink = new Uplink({
    device: "pi-1",
    topic: "headwater/1/pi-1/records",
    source: records,
    connect: gateway.connect,
    clock,
    random: () => 0,
    status: () => ({ spoolRecords: 0, spoolBytes: 0, spoolBytesMax: 1, oldestMs: 0, dropped: {} }),
    report: (event) => events.push(event),
  });
  running = uplink.run(stopping.signal);
  return { clock, gateway, records, uplink, events };
}

/** Lets time pass until something holds; fails if it never does. */
async function pass({ clock, gateway }: Bench, ms: number, until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    for (let i = 0; i < 30; i++) await Promise.resolve();
    if (until()) return;
    gateway.turn();
    clock.advance(ms);
  }
  throw new Error("it never came");
}

const numbers = (gateway: ScriptedGateway): number[] => gateway.taken.map(({ payload }) => payload.readUInt32LE());
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test("records arrive in order, and are released when they are acknowledged", async () => {
  const bench = start(() => at(2));
  bench.records.add(500);
  await pass(bench, 1, () => bench.records.first === 500);
  expect(numbers(bench.gateway)).toEqual(upTo(500));
  expect(bench.gateway.taken[0]?.topic).toBe("headwater/1/pi-1/records");
  expect(bench.uplink.state()).toMatchObject({
    connected: true,
    connections: 1,
    sentRecords: 500,
    acknowledgedRecords: 500,
    inFlightBytes: 0,
  });
});

test("whatever a gateway does: everything arrives, in order, and only what was not acknowledged arrives again", () => {
  const fate: fc.Arbitrary<Fate> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("acknowledged" as const), afterTurns: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.constant({ kind: "silent" as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("taken-then-dies" as const), afterTurns: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("lost" as const), afterTurns: fc.nat(5) }) },
  );
  return fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 120 }), fc.integer({ min: 1, max: 150 }), async (fates, count) => {
      stopping = new AbortController();
      const script = fates.values();
      const bench = start(() => script.next().value ?? at(0));
      bench.records.add(Math.ceil(count / 2));
      await pass(bench, 700, () => bench.records.first >= Math.ceil(count / 2));
      bench.records.add(count - Math.ceil(count / 2));
      await pass(bench, 700, () => bench.records.first === count);
      stopping.abort();
      await running;

      const arrived = numbers(bench.gateway);
      // With what the gateway has seen before taken out, it is everything once, in order.
      let watermark = -1;
      expect(arrived.filter((number) => number > watermark && (watermark = number) >= 0)).toEqual(upTo(count));
      // Each connection begins after what those before it acknowledged without a gap, and leaves none itself.
      let first = 0;
      for (let connection = 1; connection <= bench.gateway.connections; connection++) {
        const taken = bench.gateway.taken.filter((message) => message.connection === connection);
        expect(taken.map(({ payload }) => payload.readUInt32LE())).toEqual(taken.map((_, i) => first + i));
        const unacknowledged = taken.findIndex(({ isAcknowledged }) => !isAcknowledged);
        first += unacknowledged === -1 ? taken.length : unacknowledged;
      }
    }),
    { numRuns: 150 },
  );
});

test("the window bounds what is under way in bytes and messages, whatever the gateway's pace", async () => {
  const { bytesMax, messagesMax } = defaultWindowLimits;
  for (const [messageBytes, afterTurns] of [
    [100, 50],
    [60_000, 3],
    [60_000, 0],
    [1_000_000, 2],
  ] as const) {
    stopping = new AbortController();
    const bench = start(() => at(afterTurns), new NumberedRecords(messageBytes));
    bench.records.add(1_000);
    await pass(bench, 1, () => bench.records.first === 1_000);
    expect(bench.gateway.mostBytes).toBeLessThanOrEqual(bytesMax);
    expect(bench.gateway.mostMessages).toBeLessThanOrEqual(messagesMax);
    stopping.abort();
    await running;
  }
});

test("a gateway that takes and never acknowledges is left after a minute, and what it took is sent again", async () => {
  let isSilent = true;
  const bench = start(() => (isSilent ? { kind: "silent" } : at(0)));
  bench.records.add(3);
  const startMs = bench.clock.monotonicMs();
  await pass(bench, 500, () => (bench.uplink.state().faults["publish-timeout"] ?? 0) === 1);
  const waitedMs = bench.clock.monotonicMs() - startMs;
  expect(waitedMs).toBeGreaterThanOrEqual(PUBLISH_TIMEOUT_MS);
  expect(waitedMs).toBeLessThan(PUBLISH_TIMEOUT_MS + 5_000);
  isSilent = false;
  await pass(bench, 500, () => bench.records.first === 3);
  expect(numbers(bench.gateway)).toEqual([0, 1, 2, 0, 1, 2]);
});

test("a gateway that acknowledges slowly is not left", async () => {
  const bench = start(() => at(30));
  bench.records.add(2_000);
  await pass(bench, 1_000, () => bench.records.first === 2_000);
  expect(bench.uplink.state()).toMatchObject({ connections: 1, faults: {} });
});

test("a backlog drains by itself once the gateway is there, and the outage is told once", async () => {
  const bench = start(() => at(0));
  bench.gateway.isReachable = false;
  stopping.abort();
  await running;
  stopping = new AbortController();
  running = bench.uplink.run(stopping.signal);
  bench.records.add(50);
  await pass(bench, 1_000, () => (bench.uplink.state().faults["unreachable"] ?? 0) > 5);
  bench.gateway.isReachable = true;
  await pass(bench, 1_000, () => bench.records.first === 50);
  expect(bench.events.map(({ message }) => message)).toEqual([
    "the gateway is out of reach: nobody there",
    "the gateway takes records again",
  ]);
});

test("the gateway is told the status when it connects and every five seconds", async () => {
  const bench = start(() => at(0));
  const startMs = bench.clock.monotonicMs();
  await pass(bench, 100, () => bench.gateway.told.length === 4);
  expect(bench.clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(15_000);
  expect(bench.clock.monotonicMs() - startMs).toBeLessThan(16_000);
});

test("a bug in the source is counted, reported with its stack, and tried again", async () => {
  const bench = start(() => at(0));
  let isBroken = true;
  const next = bench.records.next.bind(bench.records);
  bench.records.next = (position, signal) => {
    if (isBroken) return Promise.reject(new TypeError("a bug"));
    return next(position, signal);
  };
  stopping.abort();
  await running;
  stopping = new AbortController();
  running = bench.uplink.run(stopping.signal);
  bench.records.add(1);
  await pass(bench, 100, () => (bench.uplink.state().faults["unexpected"] ?? 0) === 2);
  expect(bench.events[0]).toMatchObject({ level: "error", message: expect.stringContaining("TypeError: a bug") });
  isBroken = false;
  await pass(bench, 100, () => bench.records.first === 1);
});

test("stops at once, wherever it waits", async () => {
  for (const fate of [at(0), { kind: "silent" } as const]) {
    stopping = new AbortController();
    const bench = start(() => fate);
    bench.records.add(1);
    await pass(bench, 1, () => bench.gateway.taken.length === 1);
    stopping.abort();
    await running;
    expect([bench.clock.sleeping, bench.uplink.state().connected]).toEqual([0, false]);
  }
});
