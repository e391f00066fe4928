import { AggregateBuilder } from "@headwater/protocol";
import { expect, test } from "vitest";
import { ClientError } from "../client-error.js";
import { ManualClock } from "../testing/manual-clock.js";
import { ScriptedKinesis } from "../testing/scripted-kinesis.js";
import { replay, type Replayed, type ReplayOptions } from "./replay.js";

class World {
  readonly clock = new ManualClock();
  readonly from = new ScriptedKinesis(this.clock, 2);
  readonly to = new ScriptedKinesis(this.clock, 3);

  async replay(options: Omit<ReplayOptions, "from" | "to">): Promise<Replayed> {
    const parts = { from: this.from, to: this.to, clock: this.clock, random: () => 0.5 };
    let isDone = false;
    const work = replay({ from: { stream: "a" }, to: { stream: "b" }, ...options }, parts).finally(() => {
      isDone = true;
    });
    work.catch(() => undefined);
    await this.clock.until(() => isDone, 600_000, 10);
    return await work;
  }

  numbersOf(key: string): number[] {
    return this.to.stored
      .filter(({ partitionKey }) => partitionKey === key)
      .map(({ data }) => Number(Buffer.from(data)));
  }
}

test("the records of a range, each key's in order, over shards that were split, aggregates taken apart", async () => {
  const world = new World();
  const { clock, from } = world;
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    times.push(clock.wallMs());
    if (i === 100) from.split("shardId-000000000000");
    if (i === 150) from.merge("shardId-000000000003", "shardId-000000000001");
    if (i % 10 === 9) {
      const builder = new AggregateBuilder();
      builder.add({ partitionKey: `k${i % 5}`, data: Buffer.from(`${i}`) });
      builder.add({ partitionKey: `k${i % 5}`, data: Buffer.from(`${i}`) });
      from.put(`k${i % 5}`, builder.finish());
    } else from.put(`k${i % 5}`, `${i}`);
    await clock.pass(10);
  }
  await clock.pass(10_000);
  const { records } = await world.replay({ startMs: times[50] ?? 0, endMs: times[250] ?? 0 });
  for (let k = 0; k < 5; k++) {
    const expected = Array.from({ length: 200 }, (_, i) => i + 50).filter((i) => i % 5 === k);
    expect(world.numbersOf(`k${k}`)).toEqual(expected.flatMap((i) => (i % 10 === 9 ? [i, i] : [i])));
  }
  expect(records).toBe(220);
});

test("up to now, through failures of both sides", async () => {
  const world = new World();
  for (let i = 0; i < 500; i++) world.from.put("k", `${i}`);
  await world.clock.pass(1_000);
  let calls = 0;
  world.from.fault = () => {
    if (++calls % 3 === 0) throw new ClientError("throttled", "slow down");
  };
  world.to.afterPut = () => {
    if (++calls % 2 === 0) throw new ClientError("unreachable", "the answer was lost");
  };
  const failures: string[] = [];
  await world.replay({ startMs: 0, report: ({ code }) => void failures.push(code) });
  expect(world.numbersOf("k")).toEqual(Array.from({ length: 500 }, (_, i) => i));
  expect(new Set(failures)).toEqual(new Set(["throttled", "unreachable"]));
});

test("no more is read than there is memory for, also of records that are nothing but their keys", async () => {
  const world = new World();
  world.from.pageRecordsMax = 10_000;
  for (let i = 0; i < 40_000; i++) world.from.put(`k${i % 50}`, "");
  world.to.fault = () => {
    throw new ClientError("unreachable", "down");
  };
  await world.clock.pass(1_000);
  const stop = new AbortController();
  let pages = 0;
  const stopLater = async (): Promise<void> => {
    await world.clock.sleep(20_000, stop.signal);
    pages = world.from.calls.filter(({ call }) => call === "getRecords").length;
    stop.abort(new Error("enough"));
  };
  void stopLater();
  const options = { startMs: 0, bufferBytesMax: 12 * 1024 * 1024, signal: stop.signal };
  await expect(world.replay(options)).rejects.toThrow("enough");
  // Of four at least; each takes 2.5 MiB, and room for 10 MiB before it is asked for.
  expect(pages).toBeGreaterThan(0);
  expect(pages).toBeLessThan(3);
});

test("a listing that is throttled is made again", async () => {
  const world = new World();
  world.from.put("k", "1");
  await world.clock.pass(1_000);
  let calls = 0;
  world.from.fault = () => {
    if (calls++ === 0) throw new ClientError("throttled", "LimitExceededException");
  };
  expect(await world.replay({ startMs: 0 })).toMatchObject({ records: 1 });
});

test("a stream that is not there, a range that is none and a signal end it", async () => {
  const world = new World();
  world.from.put("k", "1");
  await world.clock.pass(1_000);
  await expect(world.replay({ startMs: 5, endMs: 5 })).rejects.toMatchObject({ code: "invalid-options" });
  const stop = AbortSignal.abort(new Error("enough"));
  await expect(world.replay({ startMs: 0, signal: stop })).rejects.toThrow("enough");
  world.to.fault = () => {
    throw new ClientError("not-found", "ResourceNotFoundException");
  };
  await expect(world.replay({ startMs: 0 })).rejects.toMatchObject({ code: "not-found" });
});
