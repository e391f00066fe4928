import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PutRecordCommand } from "@aws-sdk/client-kinesis";
import { encodeRecord, encodeRecordsEnvelope, lanes, recordsTopic } from "@headwater/protocol";
import { expect, onTestFinished, test } from "vitest";
import { Child } from "../harness/child.js";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { connectMqtt } from "../harness/mqtt.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { sendSigned } from "../harness/signed-request.js";
import { missingProof } from "./synced-before.js";
import { parseTrace, straceInto, type TraceEvent } from "./trace-events.js";

// `kill -9` leaves the page cache, so it cannot tell a sync from none. The kernel's own account of the calls can.

const PUTS = 16;

interface Hop {
  readonly scope: Scope;
  readonly trace: string;
}

async function hop(): Promise<Hop> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return { scope, trace: join(await scope.directory("trace"), "trace") };
}

interface Acknowledged {
  readonly payload: string;
  readonly isAcknowledgement: (event: TraceEvent) => boolean;
}

/** Of each acknowledgement that lacks its proof, what is missing; fails where there was none to look at. */
async function problemsIn(trace: string, acknowledged: readonly Acknowledged[]): Promise<string[]> {
  if (acknowledged.length === 0) throw new Error("nothing was acknowledged");
  const events = parseTrace(await readFile(trace, "latin1"));
  const problems = acknowledged.map(({ payload, isAcknowledgement }) =>
    missingProof(events, payload, isAcknowledgement),
  );
  return problems.filter((problem) => problem !== undefined);
}

const newPayload = (): string => `payload-${randomUUID()}`;

/** The first bytes to a client's socket, which did nothing but the one put. */
function writesTo(port: number): (event: TraceEvent) => boolean {
  return ({ args }) => /^\d+<TCP[^>]*->127\.0\.0\.1:(\d+)\]>/.exec(args)?.[1] === String(port);
}

test("cloud: the record is synced before the first byte of the answer", async () => {
  const { scope, trace } = await hop();
  const cloud = await startCloud(scope, { under: straceInto(trace) });
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "traced", 2);

  const overHttp1 = Array.from({ length: PUTS }, async () => {
    const payload = newPayload();
    const Data = Buffer.from(payload).toString("base64");
    const body = Buffer.from(JSON.stringify({ StreamName: "traced", PartitionKey: payload, Data }));
    const { status, localPort } = await sendSigned(cloud.url, { operation: "PutRecord", body });
    expect(status).toBe(200);
    return { payload, isAcknowledgement: writesTo(localPort) };
  });
  const overHttp2 = Array.from({ length: PUTS }, async () => {
    const payload = newPayload();
    const put = new PutRecordCommand({ StreamName: "traced", PartitionKey: "k", Data: Buffer.from(payload) });
    const { SequenceNumber = "none" } = await client.send(put);
    const isAcknowledgement = ({ args, data }: TraceEvent): boolean =>
      /^\d+<TCP/.test(args) && data.includes(SequenceNumber);
    return { payload, isAcknowledgement };
  });
  const acknowledged = await Promise.all([...overHttp1, ...overHttp2]);
  await cloud.kill("SIGKILL");
  expect(await problemsIn(trace, acknowledged)).toEqual([]);
});

test("gateway: the message is synced before its PUBACK", async () => {
  const { scope, trace } = await hop();
  const gateway = await startGateway(scope, "http://127.0.0.1:9", { under: straceInto(trace) });
  const device = "traced-device";
  const client = await connectMqtt(scope, gateway.address("mqtt"), device);
  const spoolId = randomUUID();

  const publish = async (topic: string, payload: string, message: Buffer): Promise<Acknowledged> => {
    const { localPort, messageId } = await client.publish(topic, message);
    const puback = String.fromCharCode(0x40, 2, messageId >> 8, messageId & 0xff);
    const toClient = writesTo(localPort);
    return { payload, isAcknowledgement: (event) => toClient(event) && event.data.includes(puback) };
  };
  const acknowledged = await Promise.all(
    Array.from({ length: PUTS }, (_, i) => {
      const payload = newPayload();
      if (i % 2 === 0) return publish("streams/traced/key", payload, Buffer.from(payload));
      const record = encodeRecord({
        stream: "traced",
        partitionKey: "k",
        boot: 1,
        monotonicMs: i,
        data: Buffer.from(payload),
      });
      const entries = [{ sequence: i, captureMs: Date.now(), clockUnsynchronised: false, record }];
      return publish(
        recordsTopic(device),
        payload,
        encodeRecordsEnvelope({ spoolId, lane: lanes.recordsLive, entries }),
      );
    }),
  );
  await gateway.kill("SIGKILL");
  expect(await problemsIn(trace, acknowledged)).toEqual([]);
});

test("device: the record is synced before putRecord resolves", async () => {
  const { scope, trace } = await hop();
  const program = fileURLToPath(new URL("../../dist/programs/put-and-say.js", import.meta.url));
  const payloads = Array.from({ length: PUTS }, newPayload);
  const settings = JSON.stringify({ data: await scope.directory("device"), payloads });
  const child = await Child.start(scope, "device program", [...straceInto(trace), process.execPath, program, settings]);
  const { code } = await child.exited;
  expect(`${code} ${child.describe()}`).toMatch(/^0 /);
  const acknowledged = payloads.map((payload) => ({
    payload,
    isAcknowledgement: ({ args, data }: TraceEvent) => args.startsWith("1<") && data.includes(`put ${payload}`),
  }));
  expect(await problemsIn(trace, acknowledged)).toEqual([]);
});
