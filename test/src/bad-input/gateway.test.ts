import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { encodeRecord, encodeRecordsEnvelope, lanes, recordsTopic } from "@headwater/protocol";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { countedBy } from "../harness/counted.js";
import { residentBytesPeak } from "../harness/memory.js";
import { connectMqtt, type MqttConnection } from "../harness/mqtt.js";
import type { Part } from "../harness/part.js";
import { startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { within } from "../harness/until.js";

const scope = new Scope();
let gateway: Part;
let bystander: MqttConnection;

beforeAll(async () => {
  gateway = await startGateway(scope, "http://127.0.0.1:9");
  bystander = await connectMqtt(scope, gateway.address("mqtt"), "bystander");
});
afterAll(() => scope.close());

const MEBIBYTE = 1024 * 1024;
/** How bad messages are counted: refused by ending the connection, or put aside. */
const MESSAGES = /^headwater_gateway_(publishes_refused|dead_letters)_total/;
/** How bad connections are counted. */
const CONNECTIONS = /^headwater_gateway_connections_ended_total/;

/** The well-behaved client next door: still connected, still acknowledged. */
async function bystanderIsServed(): Promise<void> {
  await bystander.publish("streams/plain/bystander", Buffer.from("well"));
}

const device = "bad-device";
const record = encodeRecord({ stream: "s", partitionKey: "k", boot: 1, monotonicMs: 0, data: Buffer.from("x") });
const envelope = encodeRecordsEnvelope({
  spoolId: randomUUID(),
  lane: lanes.recordsLive,
  entries: [{ sequence: 1, captureMs: 0, clockUnsynchronised: false, record }],
});
const flipped = Buffer.from(envelope);
flipped.writeUInt8(flipped.readUInt8(50) ^ 1, 50);

test.each<[string, string, Buffer]>([
  ["no envelope at all", recordsTopic(device), Buffer.from("garbage")],
  ["an empty message", recordsTopic(device), Buffer.alloc(0)],
  ["a truncated envelope", recordsTopic(device), envelope.subarray(0, -3)],
  ["an envelope with a flipped bit", recordsTopic(device), flipped],
  ["no partition key in the topic", "streams/plain", Buffer.from("x")],
  ["a stream name that cannot be", "streams/not a name/key", Buffer.from("x")],
  ["a record over 1 MiB", "streams/plain/key", Buffer.alloc(MEBIBYTE + 1)],
])("a malformed message (%s) is counted, kept from the upstream, and harms nobody else", async (_, topic, payload) => {
  const own = new Scope();
  onTestFinished(() => own.close());
  const rise = await countedBy(gateway, MESSAGES, async () => {
    const client = await connectMqtt(own, gateway.address("mqtt"), device);
    // Acknowledged as a dead letter or refused by closing: either way the message is not sent again forever.
    await client.publish(topic, payload).catch((error: unknown) => {
      if (!String(error).includes("closed")) throw error;
    });
  });
  expect(rise).toBeGreaterThan(0);
  await bystanderIsServed();
});

async function open(): Promise<Socket> {
  const socket = connect(gateway.port("mqtt"), "127.0.0.1");
  scope.defer(() => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  // A reset is one of the ways in which the gateway may close.
  socket.on("error", () => undefined);
  return socket;
}

const CONNECT = Buffer.from("101000044d5154540402003c000466726d65", "hex");
/** PUBLISH at QoS 1 whose remaining length says 256 MiB - 1, the most that MQTT can say. */
const HUGE_PUBLISH = Buffer.concat([Buffer.from("32ffffff7f0009", "hex"), Buffer.from("streams/a")]);

async function closedBy(socket: Socket): Promise<void> {
  await within("the gateway to close the connection", 15_000, new Promise((resolve) => socket.once("close", resolve)));
}

test.each<[string, Buffer[]]>([
  ["bytes that are no MQTT", [Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
  ["a packet before CONNECT", [Buffer.from("c000", "hex")]],
  ["a 256 MB frame that is only declared", [CONNECT, HUGE_PUBLISH]],
  ["a 256 MB frame before CONNECT", [HUGE_PUBLISH]],
])("%s: the connection is closed, counted, and nobody else is harmed", async (_, bytes) => {
  const rise = await countedBy(gateway, CONNECTIONS, async () => {
    const socket = await open();
    const closed = closedBy(socket);
    for (const part of bytes) socket.write(part);
    socket.resume();
    await closed;
  });
  expect(rise).toBeGreaterThan(0);
  await bystanderIsServed();
});

test("a 256 MB frame that is really streamed does not get into memory", async () => {
  const before = residentBytesPeak(gateway.pid);
  const rise = await countedBy(gateway, CONNECTIONS, async () => {
    const socket = await open();
    const closed = closedBy(socket);
    socket.resume();
    socket.write(CONNECT);
    socket.write(HUGE_PUBLISH);
    const chunk = Buffer.alloc(MEBIBYTE);
    for (let sent = 0; sent < 256 && !socket.destroyed; sent++) {
      await new Promise<void>((resolve) => {
        socket.once("close", resolve);
        socket.write(chunk, () => resolve());
      });
    }
    await closed;
  });
  expect(rise).toBeGreaterThan(0);
  expect(residentBytesPeak(gateway.pid) - before).toBeLessThan(32 * MEBIBYTE);
  await bystanderIsServed();
});
