import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CONTROL_PATH } from "@headwater/protocol";
import { Registry } from "../prometheus.js";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type ControlLimits, controlLimits, ControlServer } from "./control-server.js";
import { KnownGateways } from "./known-gateways.js";
import { LastSeen } from "./last-seen.js";
import { SqliteLastSeen } from "./sqlite-last-seen.js";

const hello = (gateway: string): string =>
  JSON.stringify({ v: 1, id: 1, type: "hello", gateway, spoolId: "0f8fad5b-d9cb-469f-a165-70867728950e", resume: 0 });

test("a signed gateway is welcomed, and its state is there after a restart of the cloud", async () => {
  const cloud = await startCloud();
  const gateway = await cloud.connect();
  gateway.send(hello("site-1"));
  expect(await nextMessage(gateway)).toEqual({ v: 1, id: 1, type: "welcome", resume: 0 });
  const spool = { spoolRecords: 0, spoolBytes: 0, spoolBytesMax: 1 };
  const status = { ...spool, upstream: "idle", forwardedRecords: 0, deadLetters: 0 };
  gateway.send(JSON.stringify({ v: 1, id: 2, type: "state", gateway: status, devices: [] }));
  await vi.waitFor(() => expect(cloud.known.get("site-1")?.state?.gateway).toEqual(status));
  expect(await cloud.metric("headwater_control_gateways_connected")).toBe(1);
  const [[code]] = await Promise.all([once(gateway, "close"), cloud.server.close()]);
  expect(code).toBe(1001);

  const [stored] = await cloud.store.load();
  expect(stored).toMatchObject({ gateway: "site-1", lastMessageId: 2, lastCloudId: 1, state: { gateway: status } });
  expect(stored).not.toHaveProperty("connectedSinceMs");
});

test("an unsigned upgrade gets AWS's 403 and is counted", async () => {
  const cloud = await startCloud();
  const refused = new WebSocket(`ws://127.0.0.1:${cloud.port}${CONTROL_PATH}`);
  const [, response] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
  expect(response.statusCode).toBe(403);
  expect(response.headers["x-amzn-requestid"]).toMatch(/^[0-9a-f-]{36}$/);
  const body = (await response.toArray()).join("");
  expect(JSON.parse(body)).toEqual({ __type: "MissingAuthenticationTokenException", message: "not signed" });
  expect(await cloud.metric("headwater_control_refused_upgrades_total", "authentication-missing")).toBe(1);
});

test("a page in a browser is refused, signed or not", async () => {
  const cloud = await startCloud();
  await expect(cloud.connect({ origin: "http://elsewhere.example" })).rejects.toThrow("403");
  expect(await cloud.metric("headwater_control_refused_upgrades_total", "browser")).toBe(1);
});

test("a refused peer that never closes its end does not keep its connection", async () => {
  const cloud = await startCloud();
  const socket = connect({ port: cloud.port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${CONTROL_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 /);
  await vi.waitFor(async () => expect(await cloud.openSockets()).toBe(0));
});

test("other paths and what is no WebSocket are refused without harm", async () => {
  const cloud = await startCloud();
  const elsewhere = new WebSocket(`ws://127.0.0.1:${cloud.port}/elsewhere`, { headers: { authorization: "valid" } });
  const [, response] = (await once(elsewhere, "unexpected-response")) as [unknown, IncomingMessage];
  expect(response.statusCode).toBe(404);
  response.resume();

  const socket = connect(cloud.port, "127.0.0.1");
  socket.write(
    `GET ${CONTROL_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tea\r\nAuthorization: valid\r\n\r\n`,
  );
  expect((await socket.toArray()).join("")).toMatch(/^HTTP\/1\.1 400 /);
  expect(await cloud.metric("headwater_control_refused_upgrades_total", "bad-handshake")).toBe(1);
});

test.each([
  ["malformed", "{", 1008],
  ["unsupported-version", '{"v":2}', 1008],
  ["oversize", " ".repeat(2000), 1009],
])("a message that is %s ends its own connection only", async (cause, text, closeCode) => {
  const cloud = await startCloud({ messageBytesMax: 1000 });
  const bystander = await cloud.connect();
  bystander.send(hello("bystander"));
  await nextMessage(bystander);
  const gateway = await cloud.connect();
  const messages: string[] = [];
  gateway.on("message", (data: Buffer) => messages.push(data.toString()));
  gateway.send(text);
  const [code] = await once(gateway, "close");
  expect(code).toBe(closeCode);
  expect(messages.map((message) => (JSON.parse(message) as { code: string }).code)).toEqual(
    closeCode === 1008 ? [cause] : [],
  );
  expect(await cloud.metric("headwater_control_closed_total", cause)).toBe(1);
  expect(bystander.readyState).toBe(WebSocket.OPEN);
});

test("a second connection of a gateway replaces the first, whose end then changes nothing", async () => {
  const cloud = await startCloud();
  const first = await cloud.connect();
  first.send(hello("site-1"));
  await nextMessage(first);
  const second = await cloud.connect();
  second.send(hello("site-1"));
  const [[code]] = await Promise.all([once(first, "close"), nextMessage(second)]);
  expect(code).toBe(1008);
  expect(cloud.known.get("site-1")?.connectedSinceMs).toBeDefined();
  expect(await cloud.metric("headwater_control_closed_total", "replaced")).toBe(1);
  expect(await cloud.metric("headwater_control_gateways_connected")).toBe(1);

  second.terminate();
  await vi.waitFor(() => expect(cloud.known.get("site-1")?.connectedSinceMs).toBeUndefined());
});

test("who is silent is pinged, and ended where no pong comes", async () => {
  const cloud = await startCloud();
  const alive = await cloud.connect();
  alive.send(hello("alive"));
  await nextMessage(alive);
  const dead = await cloud.connect({ autoPong: false });
  dead.send(hello("dead"));
  await nextMessage(dead);

  cloud.clock.nowMs += controlLimits.idleTimeoutMs - 1;
  const pinged = once(alive, "ping");
  await cloud.server.sweep();
  await pinged;
  await vi.waitFor(() => expect(cloud.known.get("alive")?.lastSeenMs).toBe(cloud.clock.nowMs));
  cloud.clock.nowMs += 1;
  const ended = once(dead, "close");
  await cloud.server.sweep();
  await ended;
  expect(cloud.known.get("alive")?.connectedSinceMs).toBeDefined();
  expect(cloud.known.get("dead")?.connectedSinceMs).toBeUndefined();
});

test("connections over the bound are refused until one ends", async () => {
  const cloud = await startCloud({ connectionsMax: 1 });
  const only = await cloud.connect();
  await expect(cloud.connect()).rejects.toThrow("503");
  only.close();
  await once(only, "close");
  await vi.waitFor(async () => await cloud.connect());
});

interface Cloud {
  readonly server: ControlServer;
  readonly known: KnownGateways;
  readonly store: SqliteLastSeen;
  readonly clock: { nowMs: number; now(): number };
  readonly port: number;
  connect(options?: { autoPong?: boolean; origin?: string }): Promise<WebSocket>;
  openSockets(): Promise<number>;
  metric(name: string, cause?: string): Promise<number | undefined>;
}

/** The control channel behind a real HTTP server; a request counts as signed with `authorization: valid`. */
async function startCloud(limits: Partial<ControlLimits> = {}): Promise<Cloud> {
  const directory = await mkdtemp(join(tmpdir(), "headwater-control-"));
  const store = await SqliteLastSeen.open(join(directory, "last-seen.sqlite"));
  const known = new KnownGateways(10);
  const clock = { nowMs: 1_000_000, now: (): number => clock.nowMs };
  const registry = new Registry();
  const server = new ControlServer({
    known,
    clock,
    registry,
    lastSeen: new LastSeen(known, store, (error) => {
      throw error;
    }),
    limits: { ...controlLimits, ...limits },
    authenticate: ({ rawHeaders }) => {
      if (!rawHeaders.includes("valid")) throw new Error("not signed");
    },
    refusalFor: (error) => ({
      cause: "authentication-missing",
      status: 403,
      type: "MissingAuthenticationTokenException",
      message: (error as Error).message,
    }),
  });
  const http = createServer().on("upgrade", (request, socket, head) => server.handleUpgrade(request, socket, head));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  onTestFinished(async () => {
    await server.close();
    http.close();
    await store.close();
    await rm(directory, { recursive: true });
  });
  return {
    server,
    known,
    store,
    clock,
    port,
    async connect(options) {
      const url = `ws://127.0.0.1:${port}${CONTROL_PATH}`;
      const socket = new WebSocket(url, { ...options, headers: { authorization: "valid" } });
      await once(socket, "open");
      return socket;
    },
    openSockets: () => promisify(http.getConnections.bind(http))(),
    async metric(name, cause) {
      const metric = await registry.getSingleMetric(name)?.get();
      return metric?.values.find(({ labels }) => cause === undefined || labels["cause"] === cause)?.value;
    },
  };
}

async function nextMessage(socket: WebSocket): Promise<unknown> {
  const [data] = (await once(socket, "message")) as [Buffer];
  return JSON.parse(data.toString());
}
