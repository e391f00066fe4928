import { once } from "node:events";
import { request, type ServerResponse } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isGone, Listener, type RefusalCause } from "./listener.js";

const MEBIBYTE = 1 << 20;
let listener: Listener;
let port: number;
let refused: RefusalCause[];
let aborts: (() => void)[];
/** Requests that are never answered. */
let silent: { readonly response: ServerResponse; isClosed: boolean }[];

/** Answers with the body it got and the protocol it came by; `/silent` is never answered, `/large` with much. */
async function start(idleMs?: number): Promise<void> {
  refused = [];
  aborts = [];
  silent = [];
  listener = new Listener(
    {
      onRequest: (incoming, response) => {
        if (incoming.url === "/silent") {
          const one = { response, isClosed: false };
          silent.push(one);
          response.on("close", () => (one.isClosed = isGone(incoming, response)));
          return;
        }
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => {
          const body = Buffer.concat(chunks);
          const answer = incoming.url === "/large" ? Buffer.alloc(64 * MEBIBYTE) : body;
          const { httpVersion, url = "" } = incoming;
          response.writeHead(200, { "x-protocol": httpVersion, "x-target": url, "content-length": answer.length });
          response.end(answer);
        });
      },
      onUpgrade: (_, socket) => void socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
      onRefused: (cause) => void refused.push(cause),
    },
    idleMs,
  );
  ({ port } = await listener.listen(0, "127.0.0.1"));
}

beforeEach(() => start());
afterEach(async () => {
  for (const abort of aborts) abort();
  await listener.stop();
});

function open(): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined); // being cut is what some tests wait for
  aborts.push(() => socket.destroy());
  return socket;
}

function openHttp2(): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  aborts.push(() => session.destroy());
  return session;
}

function overHttp1(body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, method: "POST", path: "/", agent: false }, (incoming) => {
      let text = `${String(incoming.headers["x-protocol"])} `;
      incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      incoming.on("end", () => resolve(text));
    });
    outgoing.on("error", reject).end(body);
  });
}

async function overHttp2(session: ClientHttp2Session, body: string | Buffer): Promise<string> {
  const stream = session.request({ ":method": "POST", ":path": "/" });
  stream.end(body);
  const [headers] = (await once(stream, "response")) as [Record<string, string>];
  const chunks = (await stream.toArray()) as Buffer[];
  return `${headers["x-protocol"]} ${Buffer.concat(chunks).toString("latin1")}`;
}

/** Everything that comes until the other side ends. */
async function untilEnd(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  await once(socket, "close");
  return text;
}

describe("both protocols on one port", () => {
  test("are told apart by the first bytes, side by side", async () => {
    const session = openHttp2();
    const answers = await Promise.all([
      overHttp1("a"),
      overHttp2(session, "b"),
      overHttp1("c"),
      overHttp2(session, "d"),
    ]);
    expect(answers).toEqual(["1.1 a", "2.0 b", "1.1 c", "2.0 d"]);
  });

  test("also when the first bytes come one by one", async () => {
    const socket = open();
    for (const byte of "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx") {
      await new Promise<void>((resolve) => socket.write(byte, () => resolve()));
    }
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\nx$/s);
  });

  test("a method that begins like HTTP/2's first word is HTTP/1.1", async () => {
    const socket = open();
    socket.write("PROPFIND / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  test("HTTP/2 carries bodies larger than its windows, and many at once", async () => {
    const session = openHttp2();
    const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(3 * MEBIBYTE, String(i)));
    const answers = await Promise.all(bodies.map((body) => overHttp2(session, body)));
    expect(answers.map((text) => [text.length, text.at(-1)])).toEqual(
      bodies.map((body, i) => [body.length + "2.0 ".length, String(i)]),
    );
  });

  test("HTTP/2 streams that are reset harm no other", async () => {
    const session = openHttp2();
    for (let i = 0; i < 200; i += 1) {
      const stream = session.request({ ":method": "POST", ":path": "/silent" });
      stream.on("error", () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    expect(await overHttp2(openHttp2(), "still there")).toBe("2.0 still there");
  });

  test("an upgrade goes to its own handler", async () => {
    const socket = open();
    socket.write("GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 101 /);
  });
});

test.each([
  ["http://cloud.test/a/b?c=/d?e", "/a/b?c=/d?e"],
  ["http://cloud.test:80", "/"],
  ["HTTPS://cloud.test?a=b", "/?a=b"],
  ["*", "*"],
  ["//cloud.test/a", "//cloud.test/a"],
])("a request for %s is one for %s", async (target, expected) => {
  const socket = open();
  socket.end(`OPTIONS ${target} HTTP/1.1\r\nhost: cloud.test\r\nconnection: close\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toContain(`\r\nx-target: ${expected}\r\n`);
});

describe("an offer of another protocol is ignored", () => {
  const offer = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n";

  test("and the request answered over HTTP/1.1, body and all", async () => {
    const socket = open();
    socket.write(`POST / HTTP/1.1\r\nhost: h\r\n${offer}content-length: 4\r\n\r\nbo`);
    await overHttp1("x"); // by now the listener has seen the first one
    socket.end("dy");
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\nbody$/s);
  });

  test("and so are those that follow it on its connection", async () => {
    const socket = open();
    socket.write(`GET / HTTP/1.1\r\nhost: h\r\n${offer}\r\n`);
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString("latin1")).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    socket.write(`POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 1\r\n\r\n2`);
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n2$/s);
  });
});

describe("what is no request is refused, and counted by cause", () => {
  test.each<[string, string, RegExp, RefusalCause]>([
    ["a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00", /^HTTP\/1.1 400 /, "not-http"],
    ["another protocol", "\x10\x10\x00\x04MQTT\x04", /^HTTP\/1.1 400 /, "not-http"],
    [
      "two lengths",
      "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
      /^HTTP\/1.1 400 /,
      "not-http",
    ],
    [
      "headers over 32 KiB",
      `GET / HTTP/1.1\r\nhost: h\r\nx: ${"x".repeat(40_000)}\r\n\r\n`,
      /^HTTP\/1.1 431 /,
      "headers-too-large",
    ],
    [
      "HTTP/2 that goes wrong after its first line",
      `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"x".repeat(100)}`,
      /./s,
      "not-http",
    ],
  ])("%s", async (_, bytes, answer, cause) => {
    const socket = open();
    socket.write(Buffer.from(bytes, "latin1"));
    expect(await untilEnd(socket)).toMatch(answer);
    expect(refused).toEqual([cause]);
    expect(await overHttp1("x")).toBe("1.1 x");
  });

  test("a 129th request before the first one's answer, and what came before it is cut off", async () => {
    const ask = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n";
    const patient = open();
    patient.write(ask.repeat(128));
    let answers = "";
    patient.on("data", (chunk: Buffer) => (answers += chunk.toString()));
    await expect.poll(() => answers.split("HTTP/1.1 200").length - 1).toBe(128);
    patient.write(ask);
    await expect.poll(() => answers.split("HTTP/1.1 200").length - 1).toBe(129);
    expect(refused).toEqual([]);
    const flood = open();
    flood.write(ask.repeat(1000));
    await once(flood, "close");
    // Those that had not had their turn when the connection was cut do not begin any more.
    expect(refused.filter((cause) => cause !== "gone-at-once")).toEqual(["too-many-requests"]);
    expect(await overHttp1("x")).toBe("1.1 x");
  });

  test("of requests that were sent behind one another, all hear that their client has left, once", async () => {
    const socket = open();
    socket.write("GET /silent HTTP/1.1\r\nhost: h\r\n\r\n".repeat(3));
    await expect.poll(() => silent.length).toBe(3);
    let closed = 0;
    for (const { response } of silent) response.on("close", () => (closed += 1));
    // One has its answer, which waits for those before it.
    silent[1]?.response.end("x".repeat(1000));
    socket.resetAndDestroy();
    await expect.poll(() => silent.filter(({ isClosed }) => isClosed)).toHaveLength(3);
    await listener.stop(); // which waits for those that are under way
    expect(closed).toBe(3);
  });

  test("a connection that ends before it said anything is nothing to count", async () => {
    for (const bytes of ["", "P", "PR"]) {
      const socket = open();
      await once(socket, "connect");
      if (bytes !== "") await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
      socket.end();
      await once(socket, "close");
    }
    expect(refused).toEqual([]);
  });
});

describe("whoever stops reading an answer is cut", () => {
  beforeEach(async () => {
    await listener.stop();
    await start(20);
  });

  test("over HTTP/1.1", async () => {
    const socket = open();
    socket.write("GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
    await once(socket, "readable"); // and read no byte of it
    await expect.poll(() => listener.connections, { timeout: 10_000 }).toBe(0);
  });

  test("over HTTP/2", async () => {
    const session = openHttp2();
    session
      .request({ ":path": "/large" })
      .on("error", () => undefined)
      .pause();
    await once(session, "connect");
    await expect.poll(() => listener.connections, { timeout: 10_000 }).toBe(0);
  });
});

describe("stopping", () => {
  test("lets a request under way be answered, and then ends its connection", async () => {
    const socket = open();
    socket.write("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\na");
    await overHttp1("x"); // by now the listener has seen the first one
    const stopping = listener.stop();
    socket.write("b");
    expect(await untilEnd(socket)).toMatch(/ab$/);
    await stopping;
    await expect(overHttp1("late")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
