import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { EventStreamReader, headerText } from "@headwater/protocol/event-stream";
import { measureBareSync } from "./bare-sync.js";
import { compare } from "./compare.js";
import { cpuTimeUs } from "./cpu-time.js";
import type { Measured } from "./measure.js";
import { quantile } from "./median.js";
import { startPeers } from "./peers.js";
import { Pushes } from "./pushes.js";
import type { ServerProcess } from "./server-process.js";
import { call, signedHeaders, type Target } from "./signed-request.js";
import { onStream, Stage } from "./stage.js";

// How soon after a PutRecord is sent has a subscriber of enhanced fan-out its record? `npm run bench -- fan-out`; about two
// minutes. The cloud alone checks signatures and syncs before it pushes; what a sync takes by itself stands beside.

/** The warm-up is there since a server is asked that has run for a while. */
const SHAPE = { shards: 1, recordBytes: 1024, recordsPerSecond: 50, warmUpRecords: 500, measureMs: 10_000 };
const ACTIVE_MS_MAX = 10_000;

const stage = await Stage.set();
try {
  const cloud = await stage.cloud();
  const subjects = [{ what: "cloud", server: cloud }, ...(await startPeers(stage, ["kinesis-local"]))];
  await compare(
    [
      ...subjects.map(({ what, server }) => ({
        what,
        run: () => onStream(server, SHAPE.shards, (stream) => measurePushes(server, stream)),
      })),
      { what: "bare write + fdatasync", run: () => measureBareSync(stage.data, SHAPE) },
    ],
    {
      bench: "fan-out",
      title: "PutRecord to SubscribeToShard",
      runs: 3,
      shape: SHAPE,
      notes: [
        "a call is the time from sending PutRecord to having the record from the subscription, both over HTTP/1.1",
        "only the cloud verifies signatures and syncs before it pushes; the load generator shares the cores",
        "bare: a write and an fdatasync of the same bytes at the same rate, without a server",
      ],
    },
    stage.data,
  );
} finally {
  await stage.end();
}

async function measurePushes(server: ServerProcess, target: Target): Promise<Measured> {
  const { StreamName, PartitionKey } = { StreamName: target.stream, PartitionKey: "k" };
  const pushes = new Pushes();
  const answer = await subscribe(target);
  const reader = new EventStreamReader();
  answer.on("data", (chunk: Buffer) => {
    for (const message of reader.push(chunk)) {
      if (headerText(message, ":event-type") !== "SubscribeToShardEvent") continue;
      const { Records } = JSON.parse(Buffer.from(message.payload).toString()) as { Records: { Data: string }[] };
      for (const { Data } of Records) pushes.arrived(Buffer.from(Data, "base64").readUInt32BE());
    }
  });
  const agent = new Agent({ keepAlive: true });
  const put = async (n: number): Promise<void> => {
    const data = Buffer.alloc(SHAPE.recordBytes);
    data.writeUInt32BE(n);
    const signed = await signedHeaders(target, "PutRecord", {
      StreamName,
      PartitionKey,
      Data: data.toString("base64"),
    });
    pushes.sent(n);
    await send(target, signed, agent).then(end);
  };
  const { warmUpRecords: warmUp } = SHAPE;
  // One after the other: what a slow server could not keep up with would count against the first records that do.
  for (let n = 0; n < warmUp; n++) await put(n);
  await pushes.all(warmUp);
  const gapMs = 1000 / SHAPE.recordsPerSecond;
  const count = warmUp + Math.round(SHAPE.measureMs / gapMs);
  const puts: Promise<void>[] = [];
  let cpuUs = -cpuTimeUs(server.pid);
  const beganAt = performance.now();
  for (let n = warmUp; n < count; n++) {
    await sleep(Math.max(0, beganAt + (n - warmUp) * gapMs - performance.now()));
    puts.push(put(n));
  }
  await Promise.all(puts);
  await pushes.all(count);
  cpuUs += cpuTimeUs(server.pid);
  answer.destroy();
  agent.destroy();
  const counted = pushes.latenciesMs.slice(warmUp);
  return {
    recordsPerSecond: SHAPE.recordsPerSecond,
    cpuUsPerRecord: cpuUs / counted.length,
    callMsP50: quantile(counted, 0.5),
    callMsP99: quantile(counted, 0.99),
  };
}

/** Registers a consumer with the stream and subscribes it to its first shard. */
async function subscribe(target: Target): Promise<IncomingMessage> {
  const { stream: StreamName } = target;
  const { StreamDescriptionSummary } = await call(target, "DescribeStreamSummary", { StreamName });
  const { StreamARN } = StreamDescriptionSummary as { StreamARN: string };
  const { Consumer } = await call(target, "RegisterStreamConsumer", { StreamARN, ConsumerName: "bench" });
  const { ConsumerARN } = Consumer as { ConsumerARN: string };
  const deadline = performance.now() + ACTIVE_MS_MAX;
  for (;;) {
    const { ConsumerDescription } = await call(target, "DescribeStreamConsumer", { ConsumerARN });
    if ((ConsumerDescription as { ConsumerStatus: string }).ConsumerStatus === "ACTIVE") break;
    if (performance.now() > deadline) throw new Error("the consumer does not become active");
    await sleep(100);
  }
  const input = { ConsumerARN, ShardId: "shardId-000000000000", StartingPosition: { Type: "TRIM_HORIZON" } };
  return send(target, await signedHeaders(target, "SubscribeToShard", input));
}

/** @throws {Error} with the answer, where that is a refusal. */
function send(target: Target, { headers, body }: Signed, agent?: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers, ...(agent === undefined ? {} : { agent }) };
    const outgoing = request(target.endpoint, options, (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else answer.resume().once("end", () => reject(new Error(`the answer is ${answer.statusCode}`)));
    });
    outgoing.once("error", reject).end(body);
  });
}

type Signed = Awaited<ReturnType<typeof signedHeaders>>;

function end(answer: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => void answer.resume().once("end", resolve).once("error", reject));
}
