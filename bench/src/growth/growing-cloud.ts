import { fork } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuTimeUs } from "../cpu-time.js";
import { type Measured, measure } from "../measure.js";
import type { ServerProcess } from "../server-process.js";
import { call, type Target } from "../signed-request.js";
import { makeStream, type Stage, target } from "../stage.js";
import { rssBytes } from "./rss.js";

/** What every load of this bench puts. */
export const PUTS = { connections: 8, records: 500, recordBytes: 1024 };
/** Each journal that is being written has a file; more than these wait to be settled. */
const JOURNALS = 4;
const SETTLED_MS_MAX = 30_000;
const generator = fileURLToPath(new URL("../load-generator.js", import.meta.url));

/** A first call after a start. */
export interface FirstCalls {
  readonly putMs: number;
  readonly getMs: number;
}

/** One cloud with one stream, over several lives of its process. */
export class GrowingCloud {
  readonly shards: number;
  readonly #stage: Stage;
  readonly #name: string;
  #server: ServerProcess | undefined;

  constructor(stage: Stage, shards: number) {
    this.#stage = stage;
    this.shards = shards;
    this.#name = `cloud-${shards}`;
  }

  /** Starts the process. Answers the time from its spawn to its ready line, in ms. */
  async start(): Promise<number> {
    const began = performance.now();
    this.#server = await this.#stage.cloud(this.#name);
    return performance.now() - began;
  }

  async makeStream(): Promise<void> {
    await makeStream(this.#target, this.shards);
  }

  /** CPU time of the process so far, all threads. */
  get cpuMs(): number {
    return cpuTimeUs(this.#running.pid) / 1000;
  }

  get rssBytes(): number {
    return rssBytes(this.#running.pid);
  }

  /** Bytes of the log's files. */
  async diskBytes(): Promise<number> {
    const answer = await fetch(new URL("/healthz", this.#running.url));
    const { log } = (await answer.json()) as { log: { diskBytes: number } };
    return log.diskBytes;
  }

  put(measureMs: number): Promise<Measured> {
    return measure({ ...PUTS, target: this.#target, warmUpMs: 500, measureMs }, this.#running.pid);
  }

  async firstCalls(): Promise<FirstCalls> {
    const stream = this.#target;
    const StreamName = stream.stream;
    const data = Buffer.alloc(PUTS.recordBytes).toString("base64");
    const putMs = await timed(() => call(stream, "PutRecord", { StreamName, PartitionKey: "first", Data: data }));
    const { Shards } = await call(stream, "ListShards", { StreamName, MaxResults: 1 });
    const [{ ShardId } = { ShardId: "" }] = Shards as { ShardId: string }[];
    const getMs = await timed(async () => {
      const { ShardIterator } = await call(stream, "GetShardIterator", {
        StreamName,
        ShardId,
        ShardIteratorType: "TRIM_HORIZON",
      });
      const { Records } = await call(stream, "GetRecords", { ShardIterator, Limit: PUTS.records });
      if ((Records as unknown[]).length === 0) throw new Error(`${ShardId} is empty after the start`);
    });
    return { putMs, getMs };
  }

  /** Resolves once all that was written lies in segments, but for the journals being written. */
  async settled(): Promise<void> {
    const deadline = performance.now() + SETTLED_MS_MAX;
    while (performance.now() < deadline) {
      const files = await readdir(`${this.#stage.data}/${this.#name}/log/journals`);
      if (files.filter((name) => name.endsWith(".journal")).length <= JOURNALS) return;
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }

  /** SIGKILL, while a load has been running for so long. */
  async killAmidWriting(afterMs: number): Promise<void> {
    // What it says at its end, when its connections break, is of no interest.
    const load = fork(generator, { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const ended = new Promise((resolve) => load.once("exit", resolve));
    load.send({ ...PUTS, target: this.#target, warmUpMs: 0, measureMs: afterMs * 10 });
    await sleep(afterMs);
    this.#running.kill();
    await this.#running.stop();
    await ended;
  }

  async remove(): Promise<void> {
    await this.#running.stop();
    await rm(`${this.#stage.data}/${this.#name}`, { recursive: true, force: true });
  }

  get #target(): Target {
    return target(this.#running, "growth");
  }

  get #running(): ServerProcess {
    if (this.#server === undefined) throw new Error(`${this.#name} was not started`);
    return this.#server;
  }
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await task();
  return performance.now() - began;
}
