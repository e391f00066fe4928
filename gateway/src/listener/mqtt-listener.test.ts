import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { downFilter, encodeRecord, encodeRecordsEnvelope, recordsTopic, statusTopic } from "@headwater/protocol";
import { GatewayMetrics } from "../metrics.js";
import { eventually } from "../testing/eventually.js";
import { RamDisk } from "../testing/ram-disk.js";
import { RawClient } from "../testing/raw-client.js";
import { openSpool, readDeadLetters, readStream, type SpoolOnDisk, valueOf } from "../testing/spool-on-disk.js";
import { anonymousSession } from "./identify.js";
import { type ListenerOptions, MqttListener } from "./mqtt-listener.js";

const MiB = 1024 * 1024;
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).toReversed()) await close();
});

async function listen(given: Partial<ListenerOptions>): Promise<MqttListener> {
  const listener = await MqttListener.start({
    host: "127.0.0.1",
    port: 0,
    connectionsMax: 100,
    frameBytesMax: 2 * MiB,
    ingestBytesMax: 64 * MiB,
    identify: anonymousSession,
    onPublish: () => Promise.resolve(),
    onConnect: () => undefined,
    onDisconnect: () => undefined,
    logger: pino({ level: "silent" }),
    metrics: new GatewayMetrics(),
    ...given,
  });
  closers.push(() => listener.close());
  return listener;
}

/** The listener before the ingest, on a disk in memory. */
async function listenBefore(gateway: SpoolOnDisk, given: Partial<ListenerOptions> = {}): Promise<MqttListener> {
  return await listen({
    onPublish: (session, topic, payload) => gateway.ingest.publish(session, topic, payload),
    metrics: gateway.metrics,
    ...given,
  });
}

async function connect(listener: MqttListener, clientId: string): Promise<RawClient> {
  const client = await RawClient.connect(listener.port, clientId);
  closers.push(() => void client.socket.destroy());
  return client;
}

function willTo(topic: string) {
  return { topic, payload: Buffer.from("gone"), qos: 1 as const, retain: true };
}

/** Whether the gateway still serves others: a round trip on a connection of its own. */
async function servesOthers(listener: MqttListener): Promise<void> {
  const client = await connect(listener, "");
  client.publish(1, "streams/bystander/k", "well");
  await client.next("puback", 1);
}

test("the PUBACK comes after the sync and not before", async () => {
  const disk = new RamDisk();
  const gateway = await openSpool(disk);
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  client.publish(1, "streams/s/k", "first");
  await client.next("puback", 1);

  const release = disk.holdSyncs();
  client.publish(2, "streams/s/k", "second");
  await eventually(() => expect(gateway.log.stats().pendingBytes).toBeGreaterThan(0));
  // Whole connections come and go meanwhile.
  for (let i = 0; i < 3; i++) await connect(listener, `other-${i}`);
  expect(client.received).toEqual([]);
  release();
  await client.next("puback", 2);
  const after = await openSpool(disk.powerOn());
  expect((await readStream(after.log, "s")).map(({ data }) => data)).toEqual(["first", "second"]);
});

test("all three qualities of service store a message once, retained or not", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  client.publish(0, "streams/s/k", "zero", { qos: 0, retain: true });
  client.publish(1, "streams/s/k", "one", { retain: true });
  client.publish(2, "streams/s/k", "two", { qos: 2, retain: true });
  await client.next("puback", 1);
  await client.next("pubrec", 2);
  client.send({ cmd: "pubrel", messageId: 2 });
  await client.next("pubcomp", 2);
  expect((await readStream(gateway.log, "s")).map(({ data }) => data)).toEqual(["zero", "one", "two"]);
});

test("QoS 2 handshakes that are never finished are bounded", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  for (let i = 1; i <= 70; i++) client.publish(i, "streams/s/k", `${i}`, { qos: 2 });
  await client.closed;
  expect(client.received.length).toBeLessThanOrEqual(64);
  await servesOthers(listener);
});

test("messages are handed over in the order of arrival, and acknowledged each on its own", async () => {
  const topics: string[] = [];
  const answers = new Map<string, () => void>();
  const onPublish: ListenerOptions["onPublish"] = (_, topic) => {
    topics.push(topic);
    return new Promise((resolve) => answers.set(topic, resolve));
  };
  const listener = await listen({ onPublish });
  const client = await connect(listener, "cam");
  for (let i = 1; i <= 20; i++) client.publish(i, `t/${i}`, "x");
  await eventually(() => expect(topics).toHaveLength(20));
  expect(topics).toEqual(Array.from({ length: 20 }, (_, i) => `t/${i + 1}`));
  answers.get("t/7")?.();
  await client.next("puback", 7);
  expect(client.received).toEqual([]);
  for (const answer of answers.values()) answer();
  await client.next("puback", 20);
});

test("nobody hears anything but what is meant for its device, and few topics of that", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  const subscribe = async (messageId: number, topics: readonly string[]): Promise<unknown> => {
    client.send({ cmd: "subscribe", messageId, subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })) });
    return (await client.next("suback", messageId)).granted;
  };
  const foreign = [
    "#",
    "+/+/k",
    "streams/#",
    "$SYS/#",
    downFilter("other"),
    "headwater/1/+/down/#",
    "headwater/1/cam/+",
  ];
  expect(await subscribe(1, foreign)).toEqual(foreign.map(() => 128));
  expect(await subscribe(2, [downFilter("cam"), "headwater/1/cam/down/ack"])).toEqual([1, 1]);
  const many = Array.from({ length: 20 }, (_, i) => `headwater/1/cam/down/${i}`);
  expect(await subscribe(3, many)).toEqual(many.map((_, i) => (i < 14 ? 1 : 128)));
  expect(await valueOf(gateway.metrics, "subscriptions_refused_total")).toBe(foreign.length + 6);
  await servesOthers(listener);
  expect(client.received).toEqual([]);
});

const envelope = encodeRecordsEnvelope({
  spoolId: "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d",
  lane: 0,
  entries: [
    {
      sequence: 1,
      captureMs: 1,
      clockUnsynchronised: false,
      record: encodeRecord({ stream: "s", partitionKey: "k", boot: 1, monotonicMs: 0, data: Buffer.from("x") }),
    },
  ],
});

test.each<[string, string, 0 | 1 | 2]>([
  ["another device's records", recordsTopic("other"), 1],
  ["another device's records at QoS 0", recordsTopic("other"), 0],
  ["another device's records at QoS 2", recordsTopic("other"), 2],
  ["another device's status", statusTopic("other"), 1],
  ["a topic with $", "$SYS/uptime", 1],
])("%s: no acknowledgement, the connection ends, what came behind is not taken", async (_, topic, qos) => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  client.publish(1, topic, envelope, { qos });
  client.publish(2, "streams/s/k", "later");
  await client.closed;
  expect(client.received).toEqual([]);
  expect(gateway.spool.records).toBe(0);
  expect(await valueOf(gateway.metrics, "publishes_refused_total")).toBeGreaterThan(0);
  await servesOthers(listener);
});

test("a will is a message as any other: stored where it may be, refused where not", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const allowed = await RawClient.connect(listener.port, "cam", { will: willTo("streams/s/last-will") });
  allowed.socket.destroy();
  const foreign = await RawClient.connect(listener.port, "cam2", { will: willTo(recordsTopic("cam")) });
  foreign.socket.destroy();
  await eventually(async () => expect(await readStream(gateway.log, "s")).toMatchObject([{ data: "gone" }]));
  await eventually(async () => expect(await valueOf(gateway.metrics, "publishes_refused_total")).toBe(1));
});

test("a malformed payload is acknowledged and put aside", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  client.publish(1, recordsTopic("cam"), "garbage");
  client.publish(2, "streams/s/k", "good");
  await client.next("puback", 1);
  await client.next("puback", 2);
  expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason: "malformed-envelope", payload: "garbage" }]);
});

test("any bytes: the connection ends or goes on, and nobody else is harmed", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const packets: Packet[] = [
    { cmd: "publish", messageId: 1, topic: "streams/s/k", payload: "x", qos: 1, dup: false, retain: false },
    { cmd: "publish", messageId: 2, topic: "streams/s/k", payload: "x", qos: 2, dup: true, retain: true },
    { cmd: "subscribe", messageId: 3, subscriptions: [{ topic: "a/b", qos: 1 }] },
    { cmd: "unsubscribe", messageId: 4, unsubscriptions: ["a/b"] },
    { cmd: "pubrel", messageId: 2 },
    { cmd: "connect", clientId: "again", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 0 },
  ];
  const mutated = fc.tuple(fc.constantFrom(...packets), fc.nat(40), fc.nat(255)).map(([packet, at, value]) => {
    const encoded = generate(packet);
    encoded.writeUInt8(value, at % encoded.length);
    return encoded;
  });
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated);
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(bytes, { maxLength: 4 }), async (isConnected, chunks) => {
      const client = isConnected ? await RawClient.connect(listener.port, "") : await RawClient.dial(listener.port);
      for (const chunk of chunks) client.socket.write(chunk);
      client.socket.end();
      await client.closed;
    }),
    { numRuns: 60 },
  );
  await servesOthers(listener);
  await eventually(() => expect(listener.ingestBytes).toBe(0));
  expect(await valueOf(gateway.metrics, "connections_ended_total")).toBeGreaterThan(0);
});

/** PUBLISH at QoS 1 whose remaining length says 256 MiB - 1, the most that MQTT can say, up to its packet identifier. */
const HUGE_PUBLISH = Buffer.concat([Buffer.from("32ffffff7f0009", "hex"), Buffer.from("streams/a"), Buffer.alloc(2)]);

test("a frame of 256 MB is refused by its length: hardly any of it is read", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway);
  const client = await connect(listener, "cam");
  const other = await connect(listener, "other");
  client.socket.write(HUGE_PUBLISH);
  const chunk = Buffer.alloc(MiB);
  let sentBytes = 0;
  let ingestBytesMax = 0;
  while (!client.socket.destroyed && sentBytes < 256 * MiB) {
    await new Promise<void>((resolve) => {
      void client.closed.then(resolve);
      client.socket.write(chunk, () => resolve());
    });
    ingestBytesMax = Math.max(ingestBytesMax, listener.ingestBytes);
    sentBytes += chunk.length;
  }
  await client.closed;
  expect(sentBytes, "what the sockets' buffers took").toBeLessThan(32 * MiB);
  expect(ingestBytesMax).toBe(0);
  const ended = await gateway.metrics.connectionsEnded.get();
  expect(ended.values).toMatchObject([{ labels: { cause: "frame-too-large" }, value: 1 }]);
  other.publish(1, "streams/s/k", "well");
  await other.next("puback", 1);
});

test("what all connections send together is bounded: the rest stays in their sockets until there is room", async () => {
  const budget = 300 * 1024;
  let held: (() => void)[] = [];
  let most = 0;
  const listener: MqttListener = await listen({
    ingestBytesMax: budget,
    onPublish: () => {
      most = Math.max(most, listener.ingestBytes);
      return new Promise((resolve) => held.push(resolve));
    },
  });
  const clients = await Promise.all(Array.from({ length: 10 }, (_, i) => connect(listener, `c${i}`)));
  for (const client of clients) client.publish(1, "t", Buffer.alloc(100 * 1024));
  const acknowledged = Promise.all(clients.map((client) => client.next("puback", 1)));
  for (let done = 0; done < clients.length;) {
    await eventually(() => expect(held.length).toBeGreaterThan(0));
    const now = held;
    held = [];
    done += now.length;
    for (const resolve of now) resolve();
  }
  await acknowledged;
  expect(most).toBeLessThanOrEqual(budget);
  await eventually(() => expect(listener.ingestBytes).toBe(0));
});

test("a client that dies with half a message gives its room back", async () => {
  const listener = await listen({ ingestBytesMax: 64 * 1024 });
  const client = await connect(listener, "cam");
  client.socket.write(Buffer.concat([Buffer.from("32ff9f03", "hex"), Buffer.alloc(1000)]));
  await eventually(() => expect(listener.ingestBytes).toBeGreaterThan(32 * 1024));
  client.socket.destroy();
  await eventually(() => expect(listener.ingestBytes).toBe(0));
  await servesOthers(listener);
});

test("a message that does not arrive in time ends its connection and gives its room back", async () => {
  const metrics = new GatewayMetrics();
  const listener = await listen({ metrics });
  const client = await connect(listener, "cam");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  client.socket.write(Buffer.concat([Buffer.from("32ff9f03", "hex"), Buffer.alloc(1000)]));
  // Real: fake timers would not move.
  while (listener.ingestBytes === 0) await new Promise((resolve) => setImmediate(resolve));
  await vi.advanceTimersByTimeAsync(60_000 + 54_000 / 4);
  await client.closed;
  expect((await metrics.connectionsEnded.get()).values).toMatchObject([{ labels: { cause: "frame-too-slow" } }]);
  expect(listener.ingestBytes).toBe(0);
});

test("a second connection under one id ends the first, and the device counts as connected", async () => {
  const gateway = await openSpool(new RamDisk());
  const listener = await listenBefore(gateway, {
    onConnect: (session) => gateway.devices.connected(session),
    onDisconnect: (session) => gateway.devices.disconnected(session),
  });
  const first = await connect(listener, "cam");
  first.publish(1, recordsTopic("cam"), envelope);
  await first.next("puback", 1);
  const second = await connect(listener, "cam");
  await first.closed;
  await servesOthers(listener);
  expect(gateway.devices.list(9)).toMatchObject([{ device: "cam", connected: true }]);
  second.socket.destroy();
  await eventually(() => expect(gateway.devices.list(9)).toMatchObject([{ device: "cam", connected: false }]));
});

test("the end waits for commits under way and acknowledges them, but not for ever", async () => {
  let commit: (() => void) | undefined;
  const listener = await listen({
    onPublish: (_, topic) => new Promise((resolve) => topic === "soon" && (commit = resolve)),
  });
  const client = await connect(listener, "cam");
  client.publish(1, "soon", "x");
  await eventually(() => expect(commit).toBeDefined());
  const closed = listener.close();
  commit?.();
  await client.next("puback", 1);
  await closed;

  let giveUp: (() => void) | undefined;
  const stuck = await listen({ onPublish: () => new Promise((resolve) => (giveUp = resolve)) });
  const other = await connect(stuck, "cam");
  other.publish(1, "never", "x");
  await eventually(() => expect(stuck.ingestBytes).toBeGreaterThan(0));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const gaveUp = stuck.close();
  await vi.advanceTimersByTimeAsync(3_000);
  await gaveUp;
  await other.closed;
  expect(other.received).toEqual([]);
  giveUp?.();
});
