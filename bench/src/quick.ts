import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  KinesisClient,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import { describeMachine } from "./machine.js";
import { measure, type Measured } from "./measure.js";
import { jsonLine, summarise, table } from "./report.js";
import { type ServerProcess, startServer } from "./server-process.js";

// How many durable PutRecords records a second does one cloud process take, at what CPU time each, beside a Node server that
// only parses the same bodies? `npm run bench -- quick`; about a minute.

const RUNS = 3;
const SHAPE = { connections: 8, records: 500, recordBytes: 1024, warmUpMs: 1_000, measureMs: 4_000 };
const KEYS = { accessKeyId: "AKIDHEADWATERBENCH00", secretAccessKey: "headwater-bench-secret", region: "us-east-1" };

const headwater = fileURLToPath(new URL("../../cli/bin/headwater.js", import.meta.url));
const bareServer = fileURLToPath(new URL("bare-server.js", import.meta.url));

interface Subject {
  readonly what: string;
  run(): Promise<Measured>;
}

// Beside the sources, since /tmp may be memory, where a sync costs nothing.
const data = await mkdtemp(fileURLToPath(new URL("../.data-", import.meta.url)));
const servers: ServerProcess[] = [];
process.once("exit", () => {
  for (const server of servers) server.kill();
  rmSync(data, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

const cloud = await start([headwater, "cloud", "--port", "0", "--data", data, "--no-shard-limits"], {
  HEADWATER_ROOT_ACCESS_KEY: KEYS.accessKeyId,
  HEADWATER_ROOT_SECRET_KEY: KEYS.secretAccessKey,
});
const bare = await start([bareServer]);
const client = new KinesisClient({ endpoint: cloud.url, region: KEYS.region, credentials: KEYS });
try {
  const subjects: Subject[] = [
    {
      what: "bare Node server, parses only",
      run: () => measure({ ...SHAPE, target: target(bare.url, "none") }, bare.pid),
    },
    ...[4, 256].map((shards) => ({ what: `cloud, ${shards} shards`, run: () => againstCloud(shards) })),
  ];
  const runs = subjects.map((): Measured[] => []);
  // Interleaved, so that a slow minute of the machine is shared by all.
  for (let run = 0; run < RUNS; run++) {
    for (const [i, subject] of subjects.entries()) {
      process.stderr.write(`run ${run + 1} of ${RUNS}: ${subject.what}\n`);
      runs[i]?.push(await subject.run());
    }
  }
  const results = subjects.map(({ what }, i) => summarise(what, runs[i] ?? []));
  const machine = describeMachine(data);
  process.stdout.write(`${table(results, RUNS, SHAPE, machine)}\n`);
  process.stdout.write(`${jsonLine(results, RUNS, SHAPE, machine)}\n`);
} finally {
  client.destroy();
  await Promise.all(servers.map((server) => server.stop()));
}

async function start(args: readonly string[], env?: Record<string, string>): Promise<ServerProcess> {
  const server = await startServer(args, env);
  servers.push(server);
  return server;
}

/** On a stream of its own, deleted afterwards: the disk needs to hold one run only. */
async function againstCloud(shards: number): Promise<Measured> {
  const StreamName = `bench-${shards}-${process.hrtime.bigint()}`;
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: shards }));
  await waitUntilStreamExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { StreamName });
  const measured = await measure({ ...SHAPE, target: target(cloud.url, StreamName) }, cloud.pid);
  await client.send(new DeleteStreamCommand({ StreamName }));
  return measured;
}

function target(endpoint: string, stream: string): typeof KEYS & { endpoint: string; stream: string } {
  return { ...KEYS, endpoint, stream };
}
