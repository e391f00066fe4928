import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { PublishPacket } from "aedes";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Broker } from "../testing/broker.js";
import { deferred } from "../testing/deferred.js";
import type { GatewayConnection } from "./gateway-connection.js";
import { mqttConnect } from "./mqtt-connection.js";

let broker: Broker;
let stopping: AbortController;
beforeEach(async () => {
  broker = await Broker.start({ users: { "pi-1": "secret" } });
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await broker.stop();
});

function connect(change: { password?: string; port?: number } = {}): Promise<GatewayConnection> {
  const options = { host: "127.0.0.1", port: broker.port, device: "pi-1", username: "pi-1", password: "secret" };
  return mqttConnect({ ...options, ...change })(stopping.signal);
}

test("messages arrive in order, and each acknowledgement follows the gateway's", async () => {
  const arrived: PublishPacket[] = [];
  const commits = [deferred(), deferred()];
  const bothArrived = deferred();
  broker.onPublish = (packet) => {
    arrived.push(packet);
    if (arrived.length === 2) bothArrived.resolve();
    return commits[arrived.length - 1]?.promise ?? Promise.resolve();
  };
  const connection = await connect();
  const acknowledged: number[] = [];
  const acks = [deferred(), deferred()];
  for (const number of [0, 1]) {
    connection.publish("headwater/1/pi-1/records", Buffer.from([number]), () => {
      acknowledged.push(number);
      acks[number]?.resolve();
    });
  }
  await bothArrived.promise;
  expect(arrived.map(({ topic, payload, qos }) => [topic, payload, qos])).toEqual([
    ["headwater/1/pi-1/records", Buffer.from([0]), 1],
    ["headwater/1/pi-1/records", Buffer.from([1]), 1],
  ]);
  expect(acknowledged).toEqual([]);
  commits[0]?.resolve();
  await acks[0]?.promise;
  expect(acknowledged).toEqual([0]);
  commits[1]?.resolve();
  await acks[1]?.promise;
  connection.close();
});

test("it says what it is: its id, a clean session, MQTT 3.1.1", async () => {
  const [ready] = await Promise.all([once(broker.aedes, "clientReady"), connect()]);
  expect(ready[0]).toMatchObject({ id: "pi-1", clean: true, version: 4 });
});

test("status goes at QoS 0", async () => {
  const connection = await connect();
  const arrived = once(broker.aedes, "publish");
  connection.tell("headwater/1/pi-1/status", "{}");
  await arrived;
  await expect.poll(() => broker.told.map(({ topic, qos }) => [topic, qos])).toEqual([["headwater/1/pi-1/status", 0]]);
});

test("a cut ends the connection, and no acknowledgement comes of it afterwards", async () => {
  const commit = deferred();
  const arrived = deferred();
  broker.onPublish = () => {
    arrived.resolve();
    return commit.promise;
  };
  const connection = await connect();
  let acknowledgements = 0;
  connection.publish("headwater/1/pi-1/records", Buffer.of(1), () => acknowledgements++);
  await arrived.promise;
  broker.cut();
  expect(await connection.over).toMatchObject({ fault: "closed" });
  commit.resolve();
  const next = await connect(); // a whole exchange later
  next.close();
  await next.over;
  expect(acknowledgements).toBe(0);
});

test("a gateway that refuses a message ends the connection", async () => {
  broker.onPublish = () => Promise.reject(new Error("no"));
  const connection = await connect();
  connection.publish("headwater/1/pi-1/records", Buffer.of(1), () => undefined);
  expect(await connection.over).toMatchObject({ fault: "closed" });
});

test("wrong credentials are refused", async () => {
  await expect(connect({ password: "wrong" })).rejects.toMatchObject({
    name: "ConnectionError",
    fault: "refused",
    message: expect.stringContaining("Bad username or password"),
  });
});

test("nobody at the address is unreachable", async () => {
  await broker.vanish();
  await expect(connect()).rejects.toMatchObject({
    fault: "unreachable",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("something that hangs up, or speaks no MQTT, is no gateway", async () => {
  for (const greet of [
    (socket: Socket) => socket.end(),
    (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  ]) {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).resume();
      greet(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await expect(connect({ port })).rejects.toMatchObject({ name: "ConnectionError" });
    server.close();
  }
});

test("a device that stops while connecting waits for no one", async () => {
  const server = createServer().listen(0, "127.0.0.1"); // takes the connection, says nothing
  await once(server, "listening");
  const address = server.address();
  const accepted = once(server, "connection");
  const connecting = connect({ port: typeof address === "object" && address !== null ? address.port : 0 });
  await accepted;
  stopping.abort();
  await expect(connecting).rejects.toMatchObject({ fault: "closed" });
  server.close();
});
