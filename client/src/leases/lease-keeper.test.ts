import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.js";
import { type Fate, FaultyLeaseStore, WatchedLeases } from "../testing/faulty-lease-store.js";
import { sharedController } from "../shared-controller.js";
import { Holding } from "./holding.js";
import { isFinished, type Lease } from "./lease.js";
import { LeaseKeeper } from "./lease-keeper.js";

const never = new AbortController().signal;
const failoverTimeMs = 3_000;

function leaseOf(leaseKey: string, parentShardIds: readonly string[] = []): Lease {
  return {
    leaseKey,
    leaseOwner: null,
    leaseCounter: 0,
    checkpoint: "TRIM_HORIZON",
    checkpointSubSequenceNumber: 0,
    checkpointOwner: null,
    ownerSwitchesSinceCheckpoint: 0,
    parentShardIds,
    startingHashKey: "0",
    endingHashKey: "1",
    startingTimestampMs: null,
  };
}

/** A worker whose work on a shard is to count to `recordsMax`, one record each 100 ms. */
class Worker {
  readonly #life = sharedController();
  readonly #unkept = sharedController();
  readonly #leave = sharedController();
  readonly keeper: LeaseKeeper;
  readonly running: Promise<void>;
  readonly works = new Set<Promise<void>>();

  constructor(
    readonly name: string,
    leases: WatchedLeases,
    readonly clock: ManualClock,
    fate: () => Fate = () => ({ thereMs: 1, backMs: 1 }),
    readonly recordsMax = Number.POSITIVE_INFINITY,
    /** What a loop has begun takes so long. */
    readonly lettingGoMs = 0,
  ) {
    this.keeper = new LeaseKeeper({
      store: new FaultyLeaseStore(leases, clock, fate),
      worker: name,
      clock,
      failoverTimeMs,
      random: () => 0.5,
      onTaken: (holding) => {
        if (isFinished(holding.lease)) leases.violations.push(`${holding.shardId} was begun though it was done`);
        const work = this.#work(holding).catch(() => undefined);
        this.works.add(work);
      },
      onFailure: () => undefined,
      onRenewed: () => undefined,
    });
    this.running = this.keeper.run(this.#unkept.signal);
  }

  /** Which shards this worker may hand out records of, whether it lives or not. */
  get held(): string[] {
    return this.keeper.holdings.filter(({ isHeld }) => isHeld).map(({ shardId }) => shardId);
  }

  /** The process is gone: nothing is given back. */
  kill(): void {
    this.#unkept.abort();
    this.#life.abort();
  }

  /** In order: gives everything back. */
  leave(): void {
    this.#unkept.abort();
    this.#leave.abort();
    void this.running.then(() => this.keeper.leave(this.#life.signal)).catch(() => undefined);
  }

  async #work(holding: Holding): Promise<void> {
    const { lost, asked } = holding;
    const stop = AbortSignal.any([lost, asked, this.#leave.signal, this.#life.signal]);
    let count = Number(/^\d+$/.exec(holding.done.sequenceNumber)?.[0] ?? 0);
    try {
      for (; count < this.recordsMax; count++) {
        holding.noteDone({ sequenceNumber: String(count), subSequenceNumber: 0 });
        await this.clock.sleep(100, stop);
      }
    } catch {
      if (this.#life.signal.aborted) return;
      if (asked.aborted) await this.clock.sleep(this.lettingGoMs, this.#life.signal);
    }
    for (;;) {
      try {
        await (count >= this.recordsMax ? holding.finish(this.#life.signal) : holding.release(this.#life.signal));
        return;
      } catch (error) {
        if (lost.aborted || this.#life.signal.aborted) throw error;
        await this.clock.sleep(50, this.#life.signal);
      }
    }
  }
}

async function setUp(keys: readonly string[]): Promise<{ leases: WatchedLeases; clock: ManualClock }> {
  const leases = new WatchedLeases();
  for (const key of keys) await leases.create(leaseOf(key));
  return { leases, clock: new ManualClock() };
}

const counts = (workers: readonly Worker[]): number[] => workers.map(({ held }) => held.length).sort((a, b) => a - b);

test("workers come to have as many shards each, and those of one that is killed go to the others", async () => {
  const { leases, clock } = await setUp(["a", "b", "c", "d", "e", "f"]);
  const first = new Worker("first", leases, clock);
  await clock.pass(1_000);
  expect(first.held).toHaveLength(6);
  const workers = [first, new Worker("second", leases, clock), new Worker("third", leases, clock)];
  await clock.until(() => counts(workers).join() === "2,2,2");
  first.kill();
  await clock.until(() => counts(workers.slice(1)).join() === "3,3", 2 * failoverTimeMs + 2_000);
  for (const worker of workers) worker.kill();
});

test("half of many shards go over to a second worker while a lease lasts", async () => {
  const keys = Array.from({ length: 64 }, (_, i) => String(i));
  const { leases, clock } = await setUp(keys);
  const first = new Worker("first", leases, clock);
  await clock.until(() => first.held.length === 64);
  const second = new Worker("second", leases, clock);
  await clock.pass(failoverTimeMs);
  expect(counts([first, second])).toEqual([32, 32]);
  for (const worker of [first, second]) worker.kill();
});

/** The first has two shards, of which the second waits for one; the first has heard of it where it takes its time to let go. */
async function secondAsks(lettingGoMs: number): Promise<{
  leases: WatchedLeases;
  clock: ManualClock;
  first: Worker;
  second: Worker;
}> {
  const { leases, clock } = await setUp(["a", "b"]);
  const first = new Worker("first", leases, clock, undefined, undefined, lettingGoMs);
  await clock.until(() => first.held.length === 2);
  const second = new Worker("second", leases, clock);
  let isAsked = false;
  await clock.until(
    () => {
      void leases.list().then((all) => (isAsked = all.some(({ checkpointOwner }) => checkpointOwner === "first")));
      const isHeard = first.keeper.holdings.some(({ asked }) => asked.aborted);
      return isAsked && isHeard === lettingGoMs > 0;
    },
    failoverTimeMs,
    10,
  );
  return { leases, clock, first, second };
}

test("what a worker that leaves had asked for is nobody else's while the other may hold it", async () => {
  const { leases, clock, first, second } = await secondAsks(0);
  second.leave();
  await clock.pass(10);
  const third = new Worker("third", leases, clock);
  await clock.pass(2 * failoverTimeMs, () => {
    const held = [...first.held, ...third.held];
    expect([...new Set(held)]).toEqual(held);
  });
  expect(counts([first, third])).toEqual([1, 1]);
  for (const worker of [first, second, third]) worker.kill();
});

test.each([
  ["has not heard of it", 0],
  ["is about to let go", 1_500],
])("a worker that leaves while it waits for a shard keeps it from nobody: the other %s", async (_, lettingGoMs) => {
  const { leases, clock, first, second } = await secondAsks(lettingGoMs);
  second.leave();
  await clock.pass(lettingGoMs + failoverTimeMs / 3 + 200);
  expect(first.held.sort()).toEqual(["a", "b"]);
  expect((await leases.list()).map(({ leaseOwner, checkpointOwner }) => [leaseOwner, checkpointOwner])).toEqual([
    ["first", null],
    ["first", null],
  ]);
  await clock.pass(2 * failoverTimeMs);
  expect([first.held.sort(), leases.violations]).toEqual([["a", "b"], []]);
  for (const worker of [first, second]) worker.kill();
});

test("a shard that is asked for goes over without a pause of a lease's time, at its last record", async () => {
  const { leases, clock } = await setUp(["a", "b"]);
  const first = new Worker("first", leases, clock);
  await clock.pass(2_000);
  const second = new Worker("second", leases, clock);
  await clock.until(() => counts([first, second]).join() === "1,1", failoverTimeMs);
  const [taken] = second.keeper.holdings;
  // The first had counted up to then, and stored it as it let go.
  expect(Number(taken?.done.sequenceNumber)).toBeGreaterThan(15);
  for (const worker of [first, second]) worker.kill();
});

test("leases that are given back are taken at once", async () => {
  const { leases, clock } = await setUp(["a", "b"]);
  const first = new Worker("first", leases, clock);
  await clock.pass(500);
  const second = new Worker("second", leases, clock, undefined, 1_000);
  await clock.until(() => counts([first, second]).join() === "1,1");
  first.kill();
  second.leave();
  await clock.pass(1_000);
  expect(second.works.size).toBeGreaterThan(0);
  expect((await leases.list()).filter(({ leaseOwner }) => leaseOwner === "second").length).toBeLessThanOrEqual(1);
  second.kill();
});

test("a child waits until each of its parents is done", async () => {
  const leases = new WatchedLeases();
  for (const lease of [leaseOf("a"), leaseOf("b"), leaseOf("c", ["a", "b"]), leaseOf("d", ["gone", "c"])]) {
    await leases.create(lease);
  }
  const clock = new ManualClock();
  const worker = new Worker("first", leases, clock, undefined, 20);
  await clock.pass(1_500);
  expect(worker.held.sort()).toEqual(["a", "b"]);
  await clock.until(() => worker.held.join() === "c");
  await clock.until(() => worker.held.join() === "d");
  expect(leases.violations).toEqual([]);
  worker.kill();
});

test("nor is a child taken by a listing that has not seen its parent yet", async () => {
  class Torn extends WatchedLeases {
    override async list(): Promise<Lease[]> {
      return (await super.list()).filter(({ leaseKey }) => leaseKey !== "a");
    }
  }
  const leases = new Torn();
  for (const lease of [leaseOf("a"), leaseOf("b", ["a"])]) await leases.create(lease);
  const clock = new ManualClock();
  const worker = new Worker("first", leases, clock);
  await clock.pass(5_000);
  expect(worker.held).toEqual([]);
  worker.kill();
});

test("a lease is held from when its renewal was begun, not from when it was answered", async () => {
  const { leases, clock } = await setUp(["a"]);
  const lease = await leases.update("a", {}, { leaseOwner: "first" });
  const store = new FaultyLeaseStore(leases, clock, () => ({ thereMs: 0, backMs: 2_000 }));
  const holding = new Holding(lease ?? leaseOf("a"), failoverTimeMs, {
    store,
    worker: "first",
    clock,
    failoverTimeMs,
    onRenewed: () => undefined,
  });
  await clock.pass(1_000);
  const stored = holding.store(never);
  await clock.pass(2_900);
  await stored;
  expect(holding.isHeld).toBe(true);
  await clock.pass(100);
  expect(holding.isHeld).toBe(false);
});

/** What befalls one worker. */
const biography = fc.record({
  bornMs: fc.nat(10_000),
  livesMs: fc.option(fc.integer({ min: 500, max: 25_000 }), { nil: undefined }),
  end: fc.constantFrom<"killed" | "leaves">("killed", "leaves"),
  fates: fc.array(
    fc.record({
      thereMs: fc.oneof({ weight: 8, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(5_000) }),
      backMs: fc.oneof({ weight: 8, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(5_000) }),
      isLost: fc.oneof(
        { weight: 10, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom("on the way there" as const, "on the way back" as const) },
      ),
    }),
    { minLength: 1, maxLength: 60 },
  ),
});

test(
  "whatever befalls workers and their calls: one holder at a time, no checkpoint goes back, and in the end all is done",
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(biography, { minLength: 1, maxLength: 4 }), async (biographies) => {
        const leases = new WatchedLeases();
        for (const lease of [leaseOf("a"), leaseOf("b"), leaseOf("c", ["a"]), leaseOf("d", ["a", "b"]), leaseOf("e")]) {
          await leases.create(lease);
        }
        const clock = new ManualClock();
        const workers: Worker[] = [];
        const look = (): void => {
          const held = workers.flatMap((worker) => worker.held);
          expect([...new Set(held)]).toEqual(held);
        };
        const lives = biographies.map(async ({ bornMs, livesMs, end, fates }, i) => {
          await clock.sleep(bornMs, never);
          let calls = 0;
          const fate = (): Fate => {
            const { isLost, ...times } = fates[calls++ % fates.length] ?? { thereMs: 0, backMs: 0 };
            // In the end the network is well.
            if (clock.monotonicMs() > 40_000) return { thereMs: 1, backMs: 1 };
            return isLost === undefined ? times : { ...times, isLost };
          };
          const worker = new Worker(`worker-${i}`, leases, clock, fate, 40);
          workers.push(worker);
          if (livesMs === undefined) return;
          await clock.sleep(livesMs, never);
          if (end === "leaves") worker.leave();
          else worker.kill();
        });
        const last = clock
          .sleep(40_000, never)
          .then(() => workers.push(new Worker("last", leases, clock, undefined, 40)));
        await clock.pass(41_000, look);
        await Promise.all([...lives, last]);
        for (const worker of workers) if (!worker.name.startsWith("last")) worker.kill();
        await clock.pass(30_000, look);
        const left = (await leases.list()).filter((lease) => !isFinished(lease));
        for (const worker of workers) worker.kill();
        expect(left).toEqual([]);
        expect(leases.violations).toEqual([]);
      }),
      { numRuns: process.env["HEADWATER_TEST_FULL"] === "1" ? 1_000 : 25 },
    ),
  3_600_000,
);
