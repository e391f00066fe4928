import { expect, test } from "vitest";
import { ClientError } from "../client-error.js";
import { MemoryLeaseStore } from "../leases/memory-lease-store.js";
import { failoverTimeMs, Loop, World } from "../testing/consumer-world.js";
import { FaultyLeaseStore } from "../testing/faulty-lease-store.js";

test("a renewal that is answered late: the loop goes on with what it was not allowed to hand out meanwhile", async () => {
  const world = new World(1);
  for (let i = 0; i < 10; i++) world.kinesis.put("k", `${i}`);
  // Nothing comes after these, so nothing else wakes the loop.
  world.kinesis.split("shardId-000000000000");
  const { clock } = world;
  // Renewals begin at 1,000 and 3,100; the lease is not held from 3,000 to 3,100.
  const isSlow = (): boolean => clock.monotonicMs() > 500 && clock.monotonicMs() < 1_500;
  const store = new FaultyLeaseStore(world.leases, clock, () => ({ thereMs: 0, backMs: isSlow() ? 2_100 : 0 }));
  const consumer = await world.open({}, store);
  const loop = new Loop(consumer, async () => {
    if (loop.seen.length === 1) await clock.sleep(3_050 - clock.monotonicMs(), new AbortController().signal);
  });
  await clock.until(() => loop.seen.length === 10, 20_000);
  expect(loop.data).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
});

test("nothing is made for a stream that is not there", async () => {
  const world = new World(1);
  world.kinesis.fault = () => {
    throw new ClientError("not-found", "ResourceNotFoundException");
  };
  const store = new MemoryLeaseStore();
  let isOpened = false;
  store.open = async () => {
    isOpened = true;
    return Promise.resolve();
  };
  await expect(world.open({}, store)).rejects.toMatchObject({ code: "not-found" });
  expect(isOpened).toBe(false);
});

test("a worker that has failed keeps nothing from others, though its program goes on", async () => {
  const world = new World(1);
  for (let i = 0; i < 3; i++) world.kinesis.put("k", `${i}`);
  const failed = new Loop(await world.open());
  world.kinesis.fault = () => {
    throw new ClientError("forbidden", "AccessDeniedException");
  };
  await world.clock.until(() => failed.isOver);
  expect(failed.failure).toMatchObject({ code: "forbidden" });
  world.kinesis.fault = () => undefined;
  const other = new Loop(await world.open());
  await world.clock.until(() => other.seen.length === 3, 4 * failoverTimeMs);
});

test("fan-out: a consumer that somebody deregisters is registered again, and reading goes on where it was", async () => {
  const world = new World(2);
  for (let i = 0; i < 10; i++) world.kinesis.put(`k${i}`, `${i}`);
  const loop = new Loop(await world.open({ read: "fan-out" }));
  await world.clock.until(() => loop.seen.length === 10);
  world.kinesis.deregister();
  for (let i = 10; i < 20; i++) world.kinesis.put(`k${i}`, `${i}`);
  await world.clock.until(() => loop.seen.length === 20, 60_000);
  expect(world.events).toContainEqual(
    expect.objectContaining({ type: "failure", error: expect.objectContaining({ code: "not-found" }) as unknown }),
  );
});

test("fan-out: subscriptions that end before anything comes are not made without end", async () => {
  const world = new World(1);
  world.kinesis.pushesMax = 0;
  await world.open({ read: "fan-out" });
  const before = world.kinesis.calls.length;
  await world.clock.pass(20_000);
  expect(world.kinesis.calls.length - before).toBeLessThan(20);
});

test("two applications that share a shard's five reads a second come to ask less often, and read all the same", async () => {
  const world = new World(1);
  const answered: number[] = [];
  let throttled = 0;
  world.kinesis.fault = (call) => {
    if (call !== "getRecords") return;
    const nowMs = world.clock.monotonicMs();
    if (answered.filter((atMs) => atMs > nowMs - 1_000).length >= 5) {
      throttled++;
      throw new ClientError("throttled", "ProvisionedThroughputExceededException");
    }
    answered.push(nowMs);
  };
  const loops = [
    new Loop(await world.open()),
    new Loop(await world.open({ application: "b" }, new MemoryLeaseStore())),
  ];
  for (let i = 0; i < 200; i++) {
    world.kinesis.put("k", `${i}`);
    await world.clock.pass(100);
  }
  await world.clock.until(() => loops.every(({ seen }) => seen.length === 200), 10_000);
  expect(throttled).toBeLessThan(15);
});

test("a consumer that closes while it waits for a shard gives it back", async () => {
  const world = new World(2);
  await world.open({ worker: "first" });
  await world.clock.pass(500);
  const owners = async (): Promise<unknown> =>
    (await world.leases.list()).map((lease) => `${lease.leaseOwner} after ${lease.checkpointOwner}`).toSorted();
  const second = await world.open({ worker: "second" });
  await world.clock.pass(20);
  expect(await owners()).toEqual(["first after null", "second after first"]);
  await world.close(second);
  expect(await owners()).toEqual(["first after null", "first after null"]);
});
