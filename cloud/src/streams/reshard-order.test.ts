import { setImmediate } from "node:timers/promises";
import { HASH_KEY_MAX } from "@headwater/protocol";
import * as fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { expectedValues, KeyedWriter, valuesByKey } from "../testing/keyed-writers.js";
import { TestService } from "../testing/test-service.js";
import { TreeReader } from "../testing/tree-reader.js";
import { RecordBatch } from "./record-batch.js";
import { planMerge, planShardCount, planSplit, type ShardPlan } from "./shard-plan.js";
import type { StreamState } from "./stream-state.js";

let it: TestService | undefined;
afterEach(() => it?.close());

type Step = { readonly do: "scale"; readonly to: number } | { readonly do: "split" | "merge"; readonly which: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("scale" as const), to: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constantFrom("split" as const, "merge" as const), which: fc.nat(20) }),
);

function planFor(one: Step): (stream: StreamState) => ShardPlan | Promise<ShardPlan> {
  return (stream) => {
    const open = stream.openShards.map((shard) => shard.planned);
    if (one.do === "scale") return planShardCount(open, one.to, stream.nextShardNumber);
    const i = one.which % open.length;
    const [left, right] = [open[i]!, open[i + 1]];
    if (one.do === "split") return planSplit(left, (left.startingHashKey + left.endingHashKey) / 2n + 1n);
    return right === undefined ? [] : planMerge(left, right);
  };
}

/** Lets others run before an append is answered, now and then for longer. */
function makeUneven({ log }: TestService, lags: readonly number[]): void {
  const append = log.append.bind(log);
  let turn = 0;
  log.append = async (...values) => {
    const appended = await append(...values);
    for (let i = lags[turn++ % lags.length] ?? 0; i > 0; i -= 1) await setImmediate();
    return appended;
  };
}

// docs/design/shards.md, invariants 1 to 3
test("while shards are split and merged at random, each key's records are read once and in order, and repeats are known", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(4), { minLength: 1, maxLength: 9 }),
      async (steps, lags) => {
        it = await TestService.start();
        const { service } = it.context;
        await it.createStream("s", 2);
        makeUneven(it, lags);
        const writers = ["a", "b", "c"].map(
          (name) =>
            new KeyedWriter(
              name,
              [0, 1, 2, 3].map((i) => `${name}${i}`),
            ),
        );
        const reader = new TreeReader((name, input) => it!.call(name, input), "s");
        await reader.start();
        const tailed = new Map<string, number[]>();
        const stopTail = new AbortController();
        const tailing = (async () => {
          for await (const { partitionKey, data } of service.tail("s", stopTail.signal)) {
            tailed.set(partitionKey, [...(tailed.get(partitionKey) ?? []), Number(data)]);
          }
        })();
        const over = new AbortController();
        const writing = writers.map(async (writer) => {
          const answers: string[][] = [];
          while (!over.signal.aborted) {
            answers.push(await writer.write(service, "s"));
            const again = Math.max(0, answers.length - 1 - (answers.length % 40));
            expect(await writer.send(service, "s", again)).toEqual(answers[again]);
            await setImmediate();
          }
        });
        const reading = (async () => {
          while (!over.signal.aborted) await Promise.all([reader.readOnce(), setImmediate()]);
        })();
        for (const one of steps) {
          await service.reshard("s", planFor(one));
          await setImmediate();
        }
        over.abort();
        await Promise.all([...writing, reading]);
        const expected = expectedValues(writers);
        expect(await valuesByKey(service.find("s"))).toEqual(expected);
        while (!(await reader.readOnce()));
        expect(reader.values).toEqual(expected);
        await expect.poll(() => tailed).toEqual(expected);
        stopTail.abort();
        await tailing;
        await it.close();
      },
    ),
    { numRuns: 25 },
  ));

test("a tail that begins between two reshards shows what comes from then on", async () => {
  it = await TestService.start();
  const { service } = it.context;
  await it.createStream("s", 3);
  await service.reshard("s", planFor({ do: "merge", which: 0 }));
  await it.put("s", "before");
  const stop = new AbortController();
  const seen: string[] = [];
  const tailing = (async () => {
    for await (const { data } of service.tail("s", stop.signal)) seen.push(data.toString());
  })();
  await it.put("s", "between");
  await expect.poll(() => seen).toEqual(["between"]);
  await service.reshard("s", planFor({ do: "scale", to: 1 }));
  await it.put("s", "after");
  await expect.poll(() => seen).toEqual(["between", "after"]);
  stop.abort();
  await tailing;
  const [oldest] = service.find("s").shards;
  expect(oldest?.closed).toBeDefined();
});

test("a tail that lags shows both parents to their ends before it begins with their child", async () => {
  it = await TestService.start();
  const { service } = it.context;
  await it.createStream("s", 2);
  const tail = service.tail("s", new AbortController().signal);
  const first = tail[Symbol.asyncIterator]().next();
  const put = (value: number): Promise<unknown> =>
    service.putRecords(
      "s",
      RecordBatch.of([{ partitionKey: "k", explicitHashKey: HASH_KEY_MAX, data: Buffer.from(String(value)) }]),
    );
  await put(0);
  const seen = [Number((await first).value?.data)];
  for (let value = 1; value < 600; value += 1) await put(value);
  await service.reshard("s", planFor({ do: "merge", which: 0 }));
  await put(600);
  for await (const { data } of tail) {
    seen.push(Number(data));
    if (seen.length === 601) break;
  }
  expect(seen).toEqual(Array.from({ length: 601 }, (_, i) => i));
});
