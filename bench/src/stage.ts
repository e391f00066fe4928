import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, startServer } from "./server-process.js";
import { call, type Target } from "./signed-request.js";

const KEYS = { accessKeyId: "AKIDHEADWATERBENCH00", secretAccessKey: "headwater-bench-secret", region: "us-east-1" };
const READY_MS_MAX = 60_000;

const headwater = fileURLToPath(new URL("../../cli/bin/headwater.js", import.meta.url));
const bareServer = fileURLToPath(new URL("bare-server.js", import.meta.url));
const bareSockets = fileURLToPath(new URL("bare-sockets.js", import.meta.url));

/** What the servers of one bench stand on: a directory for their data, and their end when the bench ends, however it does. */
export class Stage {
  readonly data: string;
  readonly #servers: ServerProcess[] = [];

  private constructor(data: string) {
    this.data = data;
    process.once("exit", () => {
      for (const server of this.#servers) server.kill();
      rmSync(data, { recursive: true, force: true });
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));
  }

  static async set(): Promise<Stage> {
    // Beside the sources, since /tmp may be memory, where a sync costs nothing.
    return new Stage(await mkdtemp(fileURLToPath(new URL("../.data-", import.meta.url))));
  }

  /**
   * A cloud with its shard limits lifted, which verifies signatures.
   * @param name of its directory: who names another's that has ended starts on its data.
   */
  cloud(name = "cloud"): Promise<ServerProcess> {
    return this.#start(
      startServer([headwater, "cloud", "--port", "0", "--data", `${this.data}/${name}`, "--no-shard-limits"], {
        HEADWATER_ROOT_ACCESS_KEY: KEYS.accessKeyId,
        HEADWATER_ROOT_SECRET_KEY: KEYS.secretAccessKey,
      }),
    );
  }

  /** A server that only reads what comes. */
  bare(): Promise<ServerProcess> {
    return this.#start(startServer([bareServer]));
  }

  /** A server that does the least that an honest PutRecord needs. */
  bareSockets(): Promise<ServerProcess> {
    return this.#start(startServer([bareSockets, `${this.data}/bare-sockets`]));
  }

  /** Sees to the end of a server that something else started. */
  adopt(server: ServerProcess): void {
    this.#servers.push(server);
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  async #start(starting: Promise<ServerProcess>): Promise<ServerProcess> {
    const server = await starting;
    this.adopt(server);
    return server;
  }
}

export function target({ url }: Pick<ServerProcess, "url">, stream: string): Target {
  return { ...KEYS, endpoint: url, stream };
}

/** Runs a task on a stream of its own, deleted afterwards, so that the disk needs to hold one run only. */
export async function onStream<T>(
  server: ServerProcess,
  shards: number,
  task: (stream: Target) => Promise<T>,
): Promise<T> {
  const stream = target(server, `bench-${shards}-${process.hrtime.bigint()}`);
  await makeStream(stream, shards);
  const done = await task(stream);
  await call(stream, "DeleteStream", { StreamName: stream.stream, EnforceConsumerDeletion: true });
  return done;
}

/** Resolves once the stream is active. */
export async function makeStream(stream: Target, shards: number): Promise<void> {
  const { stream: StreamName } = stream;
  await call(stream, "CreateStream", { StreamName, ShardCount: shards });
  const deadline = performance.now() + READY_MS_MAX;
  for (;;) {
    const { StreamDescription } = await call(stream, "DescribeStream", { StreamName, Limit: 1 });
    if ((StreamDescription as { StreamStatus: string }).StreamStatus === "ACTIVE") return;
    if (performance.now() > deadline) throw new Error(`${StreamName} is not active after ${READY_MS_MAX} ms`);
    await sleep(100);
  }
}
