import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ServerProcess } from "./server-process.js";
import type { Stage } from "./stage.js";

const START_MS_MAX = 30_000;

/** Where a peer that has the choice keeps its records. */
type Store = "disk" | "memory";

interface Peer {
  /** Its name in the npm registry, and the version that is measured. */
  readonly name: string;
  readonly version: string;
  /** @param spare another free port, for who wants two. */
  readonly start: (
    directory: string,
    port: number,
    spare: number,
    store: Store,
  ) => { file: string; args: string[]; env: Record<string, string> };
}

const peers: readonly Peer[] = [
  {
    name: "kinesalite",
    version: "3.3.3",
    start: (directory, port, _, store) => ({
      file: join(directory, "node_modules/.bin/kinesalite"),
      args: ["--port", String(port), "--createStreamMs", "0", "--shardLimit", "512"].concat(
        store === "disk" ? ["--path", join(directory, "data")] : [],
      ),
      env: {},
    }),
  },
  {
    name: "kinesis-local",
    version: "0.6.2",
    start: (directory, port, spare) => ({
      file: join(directory, "node_modules/.bin/kinesis-local"),
      args: [],
      env: {
        KINESIS_MOCK_PLAIN_PORT: String(port),
        KINESIS_MOCK_TLS_PORT: String(spare),
        LOG_LEVEL: "ERROR",
        SHARD_LIMIT: "512",
      },
    }),
  },
];

/**
 * Installs and starts others that answer the Kinesis API, each in a directory of its own that goes with the bench. Who cannot be
 * installed or does not start is left out, and stderr says so.
 */
export async function startPeers(
  stage: Stage,
  names: readonly string[] = peers.map(({ name }) => name),
  store: Store = "disk",
): Promise<{ what: string; server: ServerProcess }[]> {
  const started: { what: string; server: ServerProcess }[] = [];
  for (const peer of peers.filter(({ name }) => names.includes(name))) {
    const what = `${peer.name} ${peer.version}`;
    try {
      const server = await startPeer(peer, stage, store);
      stage.adopt(server);
      started.push({ what, server });
    } catch (error) {
      process.stderr.write(
        `${what} is left out: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`,
      );
    }
  }
  return started;
}

async function startPeer({ name, version, start }: Peer, stage: Stage, store: Store): Promise<ServerProcess> {
  const directory = await mkdtemp(join(stage.data, `${name}-`));
  await mkdir(join(directory, "data"));
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await promisify(execFile)(npm, ["install", "--prefix", directory, "--no-audit", "--no-fund", `${name}@${version}`]);
  const port = await freePort();
  const { file, args, env } = start(directory, port, await freePort(), store);
  // Where kinesis-local looks for its certificate.
  const cwd = join(directory, "node_modules", name);
  const child = spawn(file, args, { stdio: "ignore", cwd, env: { ...process.env, ...env } });
  await Promise.race([
    listens(port),
    once(child, "exit").then(() => Promise.reject(new Error("it ended at once"))),
    once(child, "error").then(([error]) => Promise.reject(error as Error)),
  ]);
  const url = `http://127.0.0.1:${port}`;
  const address = (): string => url;
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  return { pid: child.pid ?? Number.NaN, url, address, stop, kill: () => void child.kill("SIGKILL") };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listens(port: number): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  while (performance.now() < deadline) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await sleep(100);
  }
  throw new Error(`it does not listen after ${START_MS_MAX} ms`);
}
