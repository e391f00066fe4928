import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { startServer } from "./server-process.js";

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

const data = await mkdtemp(join(tmpdir(), "headwater-bench-"));
const cloud = await startServer(
  [headwater, "cloud", "--port", "0", "--data", join(data, "cloud"), "--no-shard-limits"],
  { HEADWATER_ROOT_ACCESS_KEY: KEYS.accessKeyId, HEADWATER_ROOT_SECRET_KEY: KEYS.secretAccessKey },
);
const bare = await startServer([bareServer]);
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
  const eventLoopP99Ms = await stallP99Ms();
  process.stdout.write(`${table(results, RUNS, SHAPE, eventLoopP99Ms)}\n`);
  process.stdout.write(`${jsonLine(results, RUNS, SHAPE, eventLoopP99Ms, describeMachine(data))}\n`);
} finally {
  client.destroy();
  await Promise.all([cloud.stop(), bare.stop()]);
  await rm(data, { recursive: true, force: true });
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

/** The cloud's own 99th percentile of event-loop delay over all runs, if its metrics show one. */
async function stallP99Ms(): Promise<number | undefined> {
  const metrics = await (await fetch(`${cloud.url}/metrics`)).text();
  const [, seconds] = /^\S*event_?loop\S*p99\S* ([\d.e+-]+)$/m.exec(metrics) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
