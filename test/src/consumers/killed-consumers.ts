import { Producer } from "@headwater/client";
import { expect } from "vitest";
import type { Child } from "../harness/child.js";
import { credentials, region } from "../harness/credentials.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { startCloud } from "../harness/parts.js";
import { Random } from "../harness/random.js";
import type { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { type Sight, startWorker } from "./consumer-worker.js";
import { KeyedWriter } from "./keyed-writer.js";
import { keysInLog } from "./keys-in-log.js";
import { reshard } from "./restless-shards.js";

const STREAM = "orders";
const WORKERS = 3;
/** Long enough that a busy machine's workers renew in time, most of the time; who does not loses its shards, and is seen to. */
const FAILOVER_MS = 2_000;

export interface KillOptions {
  readonly rounds: number;
  /** The cloud is killed, too, some workers read by fan-out, and some stand still for about as long as their leases last. */
  readonly isHarsh: boolean;
}

/**
 * Writers put, workers read, shards are split and merged, and workers are killed: everything that was put is then in the log once and
 * in order per key, and was seen at least once, the first time in order per key.
 */
export async function killConsumers(scope: Scope, { rounds, isHarsh }: KillOptions): Promise<void> {
  const random = Random.announced("killed consumers");
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, STREAM, 2);
  const sights: Sight[] = [];
  let started = 0;
  const settings = { endpoint: cloud.url, stream: STREAM, application: "billing", failoverTimeMs: FAILOVER_MS };
  const start = (): Promise<Child> => {
    const read = isHarsh && random.fraction() < 0.4 ? "fan-out" : "poll";
    return startWorker(scope, `worker-${started++}`, { ...settings, read }, sights);
  };
  const workers = await Promise.all(Array.from({ length: WORKERS }, start));

  const aws = { endpoint: cloud.url, region, credentials };
  const producers = [false, true].map((aggregate) => new Producer({ stream: STREAM, aws, aggregate, lingerMs: 20 }));
  for (const producer of producers) scope.defer(() => producer.close(AbortSignal.abort()).catch(() => undefined));
  const writers = producers.map(
    (producer, i) =>
      new KeyedWriter(
        producer,
        Array.from({ length: 10 }, (_, k) => `${i}-${k}`),
        25,
      ),
  );

  for (let round = 0; round < rounds; round++) {
    // As far as the writers and workers have come by now, whenever that is.
    const seen = sights.length;
    await until(
      () => `records to be seen\n${workers.map((one) => one.describe()).join("\n")}`,
      () => sights.length >= seen + 100,
    );
    await reshard(client, STREAM, random);
    const victim = random.between(0, WORKERS - 1);
    await workers[victim]?.kill(random.fraction() < 0.8 ? "SIGKILL" : "SIGTERM");
    workers[victim] = await start();
    if (isHarsh && random.fraction() < 0.4) {
      const paused = workers[random.between(0, WORKERS - 1)];
      paused?.signal("SIGSTOP");
      setTimeout(() => paused?.signal("SIGCONT"), FAILOVER_MS * (0.5 + random.fraction()));
    }
    if (!isHarsh || random.fraction() < 0.7) continue;
    await cloud.kill("SIGKILL");
    await cloud.restart();
  }
  for (const writer of writers) await writer.finish();
  for (const producer of producers) await producer.close();

  const put = new Map(writers.flatMap(({ counters }) => [...counters]));
  const total = [...put.values()].reduce((sum, count) => sum + count, 0);
  const distinct = (): number => new Set(sights.map(({ partitionKey, data }) => `${partitionKey} ${data}`)).size;
  await until(
    () =>
      `all ${total} records to be seen, of which ${distinct()} were\n${workers.map((one) => one.describe()).join("\n")}`,
    () => distinct() >= total,
    { deadlineMs: 120_000, everyMs: 500 },
  );
  const numbers = [...put].map(([key, count]) => [key, Array.from({ length: count }, (_, i) => i + 1)] as const);
  expect(await keysInLog(client, STREAM)).toEqual(new Map(numbers));
  expect(firstSights(sights)).toEqual(new Map(numbers));
  for (const worker of workers) {
    // One that still starts has not said yet what to do at a SIGTERM.
    await worker.line("the worker to be ready", /^(ready$|seen )/m);
    const { code } = await worker.kill("SIGTERM");
    if (code !== 0) throw new Error(worker.describe());
  }
}

/** Each key's numbers in the order in which they were first seen. */
function firstSights(sights: readonly Sight[]): Map<string, number[]> {
  const seen = new Map<string, Set<number>>();
  for (const { partitionKey, data } of [...sights].sort((a, b) => (a.atNs < b.atNs ? -1 : 1))) {
    const numbers = seen.get(partitionKey) ?? new Set();
    seen.set(partitionKey, numbers.add(Number(data)));
  }
  return new Map([...seen].map(([key, numbers]) => [key, [...numbers]]));
}
