import { expect, test } from "vitest";
import { ClientError } from "../client-error.js";
import { ProducerWorld } from "../testing/producer-world.js";

const down = new ClientError("unreachable", "down");

test("a put that waits together with older ones has its own time", async () => {
  const world = new ProducerWorld(1, { deliverWithinMs: 20_000, lingerMs: 10_000 });
  world.kinesis.fault = (call) => {
    if (call === "putRecords" && world.clock.monotonicMs() < 25_000) throw down;
  };
  const outcomes = world.settled(
    Promise.allSettled([
      world.producer.put({ partitionKey: "k", data: "old" }),
      world.clock.sleep(9_000, new AbortController().signal).then(async () => {
        const put = world.producer.put({ partitionKey: "k", data: "young" });
        return await put;
      }),
    ]),
  );
  expect(await outcomes).toMatchObject([{ reason: { code: "timed-out" } }, { value: { shardId: expect.anything() } }]);
  expect(world.producer.bufferedBytes).toBe(0);
});

test("who awaits room before each put fills the memory and no more", async () => {
  const world = new ProducerWorld(1, { bufferBytesMax: 2_000 });
  world.kinesis.fault = () => {
    throw down;
  };
  const puts: Promise<unknown>[] = [];
  const write = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) {
      await world.producer.room();
      puts.push(world.producer.put({ partitionKey: "k", data: `${i}` }));
    }
  };
  const written = write();
  await world.clock.pass(5_000);
  // Seven have the memory, one waits.
  expect(puts).toHaveLength(8);
  world.kinesis.fault = () => undefined;
  await world.settled(written);
  await world.settled(Promise.all(puts));
  expect(world.storedByKey().get("k")).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
});

test("a wait for room ends with its signal and with the producer", async () => {
  const world = new ProducerWorld(1, { bufferBytesMax: 1_024 });
  world.kinesis.fault = () => {
    throw down;
  };
  const puts = Promise.allSettled(
    Array.from({ length: 9 }, (_, i) => world.producer.put({ partitionKey: "k", data: `${i}` })),
  );
  const stop = new AbortController();
  const waits = Promise.allSettled([world.producer.room(stop.signal), world.producer.room()]);
  stop.abort(new Error("enough"));
  await world.settled(world.producer.close(AbortSignal.abort(new Error("now"))).catch(() => undefined));
  expect(await waits).toMatchObject([{ reason: { message: "enough" } }, { reason: { code: "closed" } }]);
  expect(new Set((await puts).map(({ status }) => status))).toEqual(new Set(["rejected"]));
});
