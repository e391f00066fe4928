import { hash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CloudError } from "../../cloud-error.js";
import { Listener, type RefusalCause } from "../listener.js";
import type { PlainCall } from "./plain-call.js";

const TARGET = "Kinesis_20131202.PutRecord";
const MEBIBYTE = 1 << 20;

let listener: Listener;
let port: number;
let refused: RefusalCause[];
/** Those that nobody has answered yet. */
let calls: PlainCall[];
let byNode: string[];
let sockets: Socket[];

async function start(idleMs?: number): Promise<void> {
  [refused, calls, byNode, sockets] = [[], [], [], []];
  const plain = { takes: (target: string) => target === TARGET, onCall: (call: PlainCall) => void calls.push(call) };
  listener = new Listener(
    {
      onRequest: (request, response) => {
        let text = "";
        request.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
        request.on("end", () => {
          byNode.push(text);
          response.end(`node ${text}`);
        });
      },
      onUpgrade: (_, socket) => void socket.destroy(),
      onRefused: (cause) => void refused.push(cause),
      plain,
    },
    idleMs,
  );
  ({ port } = await listener.listen(0, "127.0.0.1"));
}

beforeEach(() => start());
afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets) socket.destroy();
  await listener.stop();
});

/** A client, and all that it was answered. */
function open(): Socket & { text: string } {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const client = Object.assign(socket, { text: "" });
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => (client.text += chunk.toString("latin1")));
  sockets.push(socket);
  return client;
}

const head = (bytes: number, target = TARGET): string =>
  `POST / HTTP/1.1\r\nhost: h\r\nx-amz-target: ${target}\r\ncontent-length: ${bytes}\r\n\r\n`;
const request = (body: string, target = TARGET): string => head(body.length, target) + body;

function answer(call: PlainCall | undefined, body: Buffer | readonly Buffer[] = Buffer.from("plain")): void {
  call?.answer({ status: 200, contentType: "text/plain", requestId: "r", extendedId: "x", body });
}

/** The next call that came by the short way. */
async function nextCall(): Promise<PlainCall> {
  await expect.poll(() => calls.length).toBeGreaterThan(0);
  return calls.shift()!;
}

/** Until the server, in this process, has read what was written. */
async function read(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
}

const limits = { bytesMax: 16 * MEBIBYTE, idleMs: 30_000, totalMs: 600_000 };

async function bodyOf(call: PlainCall): Promise<string> {
  const { bytes, sha256 } = await call.readBody(limits);
  expect(sha256).toBe(hash("sha256", bytes.whole()));
  return bytes.whole().toString("latin1");
}

/** Why a call's body never came. */
function failureOf(call: PlainCall): Promise<string> {
  return bodyOf(call).then(
    () => "none",
    (error: CloudError) => error.code,
  );
}

describe("a connection stays on the short way", () => {
  test("for request after request", async () => {
    const client = open();
    for (const body of ["one", "two", "three"]) {
      client.text = "";
      client.write(request(body));
      const call = await nextCall();
      expect(await bodyOf(call)).toBe(body);
      answer(call);
      await expect.poll(() => client.text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\nKeep-Alive: timeout=65\r\n\r\nplain$/);
    }
    expect(byNode).toEqual([]);
  });

  test("where a body comes after its head", async () => {
    const client = open();
    await once(client, "connect");
    for (const body of ["one", "two"]) {
      client.write(head(3));
      await read();
      client.write(body);
      const call = await nextCall();
      expect(await bodyOf(call)).toBe(body);
      answer(call);
    }
    await expect.poll(() => client.text.match(/plain/g)).toHaveLength(2);
    expect(byNode).toEqual([]);
  });
});

describe("a connection goes to Node's server, and stays there", () => {
  test("at the first request for another target", async () => {
    const client = open();
    client.write(request("one"));
    answer(await nextCall());
    await expect.poll(() => client.text).toMatch(/plain$/);
    client.write(request("two", "Other"));
    await expect.poll(() => byNode).toEqual(["two"]);
    client.write(request("three"));
    await expect.poll(() => byNode).toEqual(["two", "three"]);
    expect(calls).toEqual([]);
  });

  test("when a second request comes before the first one's answer, which comes first all the same", async () => {
    const client = open();
    client.write(request("one"));
    const call = await nextCall();
    client.write(request("two"));
    client.write(request("three"));
    await read();
    expect(byNode).toEqual([]);
    answer(call);
    await expect.poll(() => byNode).toEqual(["two", "three"]);
    await expect.poll(() => client.text).toMatch(/^[^]*\r\nplainHTTP[^]*node twoHTTP[^]*node three/);
  });
});

describe("a body that did not come with its head", () => {
  const large = "0123456789abcdef".repeat(MEBIBYTE / 4);

  test.each([
    ["byte by byte", ["a", "b", "c", "d"]],
    ["in pieces", ["a", "bcd"]],
    ["after a while, of 4 MiB", [large.slice(0, 5), large.slice(5)]],
  ])("comes %s", async (_, pieces) => {
    const client = open();
    await once(client, "connect");
    for (let round = 0; round < 2; round += 1) {
      client.text = "";
      client.write(head(pieces.join("").length));
      const call = await nextCall();
      const body = bodyOf(call);
      for (const piece of pieces) {
        await read();
        client.write(piece);
      }
      expect((await body) === pieces.join("")).toBe(true);
      answer(call);
      await expect.poll(() => client.text).toMatch(/plain$/);
    }
    expect(byNode).toEqual([]);
  });

  test("is not taken from the system before somebody reads it", async () => {
    const client = open();
    let isDrained = false;
    client.once("drain", () => (isDrained = true));
    client.write(request("x".repeat(16 * MEBIBYTE)));
    const call = await nextCall();
    await read();
    expect(isDrained).toBe(false);
    expect((await bodyOf(call)).length).toBe(16 * MEBIBYTE);
    answer(call);
    await expect.poll(() => client.text).toMatch(/plain$/);
  });

  test("may have the next request behind it, which Node's server answers after the first", async () => {
    const client = open();
    client.write(head(large.length) + large.slice(1));
    const call = await nextCall();
    const body = bodyOf(call);
    client.write(`!${request("two")}`);
    expect((await body).length).toBe(large.length);
    await read();
    expect(byNode).toEqual([]);
    answer(call);
    await expect.poll(() => byNode).toEqual(["two"]);
    await expect.poll(() => client.text).toMatch(/^[^]*\r\nplainHTTP[^]*node two$/);
  });

  test("is refused unread: the answer goes out at once, what still comes is thrown away, and the next call is served", async () => {
    const client = open();
    client.write(head(large.length) + large.slice(0, 100));
    const call = await nextCall();
    let isOver = false;
    call.once("close", () => (isOver = true));
    answer(call);
    await expect.poll(() => client.text).toMatch(/Connection: keep-alive[^]*plain$/);
    expect(isOver).toBe(false);
    client.write(large.slice(100));
    await expect.poll(() => isOver).toBe(true);
    client.write(request("two"));
    expect(await bodyOf(await nextCall())).toBe("two");
    expect(byNode).toEqual([]);
  });

  test("is refused unread when all of it has come: the next call is served", async () => {
    const client = open();
    await once(client, "connect");
    client.write(head(4));
    const call = await nextCall();
    client.write("body");
    await read();
    answer(call);
    await expect.poll(() => client.text).toMatch(/plain$/);
    client.write(request("two"));
    expect(await bodyOf(await nextCall())).toBe("two");
    expect(byNode).toEqual([]);
  });

  test("is refused unread, and goes on coming for too long: the connection is cut", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const client = open();
    client.write(head(100));
    answer(await nextCall());
    await expect.poll(() => client.text).toMatch(/plain$/);
    vi.advanceTimersByTime(9_000);
    client.write("x");
    await read();
    expect(listener.connections).toBe(1);
    vi.advanceTimersByTime(1_000);
    await expect.poll(() => listener.connections).toBe(0);
  });

  test("comes too slowly: its reader is told", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const client = open();
    client.write(head(100));
    const failure = failureOf(await nextCall());
    vi.advanceTimersByTime(30_000);
    expect(await failure).toBe("request-too-slow");
  });

  test("comes too slowly, as hundreds of others do: their readers are told in several turns", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const clients = Array.from({ length: 200 }, open);
    for (const client of clients) client.write(head(100));
    await expect.poll(() => calls.length).toBe(clients.length);
    let told = 0;
    for (const call of calls.splice(0)) void failureOf(call).then(() => (told += 1));
    vi.advanceTimersByTime(30_000);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(clients.length);
    await expect.poll(() => told).toBe(clients.length);
  });

  test("never comes whole, since its client leaves: its reader is told, and the call is over", async () => {
    const client = open();
    client.write(`${head(100)}x`);
    const call = await nextCall();
    let isOver = false;
    call.once("close", () => (isOver = true));
    const failure = failureOf(call);
    client.resetAndDestroy();
    expect(await failure).toBe("request-incomplete");
    expect([isOver, call.isGone]).toEqual([true, true]);
    expect(refused).toEqual([]);
  });

  test("never comes whole, since its client closes its end: a bare 400", async () => {
    const client = open();
    client.write(`${head(100)}x`);
    const failure = failureOf(await nextCall());
    client.end();
    expect(await failure).toBe("request-incomplete");
    await expect.poll(() => client.text).toMatch(/^HTTP\/1.1 400 /);
    expect(refused).toEqual(["not-http"]);
  });
});

describe("a client that leaves", () => {
  test("while its call is under way: the call is gone, and closes", async () => {
    const client = open();
    client.write(request("one"));
    const call = await nextCall();
    let isClosed = false;
    let isTaken = false;
    call.once("close", () => (isClosed = true));
    call.onTaken(() => (isTaken = true));
    client.destroy();
    await expect.poll(() => isClosed).toBe(true);
    expect([call.isGone, isTaken]).toEqual([true, false]);
    answer(call); // and nobody minds
    await expect.poll(() => listener.connections).toBe(0);
  });

  test("between two requests: its connection is closed", async () => {
    const client = open();
    client.write(request("one"));
    answer(await nextCall());
    await expect.poll(() => client.text).toMatch(/plain$/);
    client.end();
    await expect.poll(() => listener.connections).toBe(0);
    expect(refused).toEqual([]);
  });
});

test("a large answer is over once the system has taken it, and not before its client reads", async () => {
  const client = open();
  client.pause();
  client.write(request("one"));
  const call = await nextCall();
  let isTaken = false;
  let isClosed = false;
  call.onTaken(() => (isTaken = true));
  call.once("close", () => (isClosed = true));
  answer(
    call,
    Array.from({ length: 32 }, () => Buffer.alloc(MEBIBYTE, "x")),
  );
  await read();
  expect([isTaken, isClosed]).toEqual([false, false]);
  client.resume();
  await expect.poll(() => [isTaken, isClosed]).toEqual([true, true]);
  await expect.poll(() => client.text.length).toBeGreaterThan(32 * MEBIBYTE);
});

test("a connection is kept a little longer than its client is told", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const client = open();
  for (const body of ["one", "two"]) {
    client.text = "";
    client.write(request(body));
    answer(await nextCall());
    await expect.poll(() => client.text).toMatch(/timeout=65\r\n\r\nplain$/);
    vi.advanceTimersByTime(65_500);
    await read();
  }
  expect(listener.connections).toBe(1);
  vi.advanceTimersByTime(1000);
  await expect.poll(() => listener.connections).toBe(0);
});

test("a connection whose client takes a large answer for longer than silence may last is kept", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const client = open();
  client.pause();
  client.write(request("one"));
  answer(
    await nextCall(),
    Array.from({ length: 32 }, () => Buffer.alloc(MEBIBYTE, "x")),
  );
  for (let minute = 0; minute < 10; minute += 1) {
    vi.advanceTimersByTime(60_000);
    await read();
  }
  client.resume();
  await expect.poll(() => client.text.length).toBeGreaterThan(32 * MEBIBYTE);
  client.write(request("two"));
  expect(await bodyOf(await nextCall())).toBe("two");
});

describe("silence ends a connection", () => {
  beforeEach(async () => {
    await listener.stop();
    await start(300);
  });

  test("that has nothing under way", async () => {
    const client = open();
    client.write(request("one"));
    answer(await nextCall());
    await once(client, "close");
    expect(client.text).toMatch(/plain$/);
  });

  test("whose client does not read its answer", async () => {
    const client = open();
    client.pause();
    client.write(request("one"));
    const call = await nextCall();
    let isTaken = false;
    call.onTaken(() => (isTaken = true));
    answer(
      call,
      Array.from({ length: 64 }, () => Buffer.alloc(MEBIBYTE)),
    );
    await expect.poll(() => listener.connections, { timeout: 5000 }).toBe(0);
    expect(isTaken).toBe(false);
  });
});

describe("stopping", () => {
  test("closes at once what has nothing under way", async () => {
    const client = open();
    client.write(request("one"));
    answer(await nextCall());
    await expect.poll(() => client.text).toMatch(/plain$/);
    const closed = once(client, "close");
    await Promise.all([listener.stop(), closed]);
  });

  test("waits for the call under way, whose client is told that it was the last", async () => {
    const client = open();
    client.write(request("one"));
    const call = await nextCall();
    let isStopped = false;
    const stopping = listener.stop().then(() => (isStopped = true));
    await read();
    expect(isStopped).toBe(false);
    answer(call);
    await Promise.all([stopping, once(client, "close")]);
    expect(client.text).toMatch(/\r\nConnection: close\r\n\r\nplain$/);
  });

  test("lets a body come whose head is there", async () => {
    const client = open();
    await once(client, "connect");
    client.write(head(3));
    await read();
    const stopping = listener.stop();
    client.write("one");
    const call = await nextCall();
    expect(await bodyOf(call)).toBe("one");
    answer(call);
    await stopping;
    await expect.poll(() => client.text).toMatch(/Connection: close\r\n\r\nplain$/);
  });
});

test("a connection's calls begin in turn with those of others", async () => {
  const clients = Array.from({ length: 100 }, open);
  await Promise.all(clients.map((client) => once(client, "connect")));
  for (const client of clients) client.write(request("x"));
  await expect.poll(() => calls.length).toBe(100);
  for (const call of calls.splice(0)) answer(call);
  await expect.poll(() => clients.every(({ text }) => text.endsWith("plain"))).toBe(true);
});
