import { once } from "node:events";
import { connect, type Socket } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Call } from "../call.js";
import { Listener, type RefusalCause } from "../listener.js";
import { NodeCall } from "../node-call.js";
import type { RequestBody } from "../gathered-body.js";

// docs/design/http-front.md, invariant 9: what the short way takes, Node's parser would take, and as the same.

const TARGET = "Kinesis_20131202.PutRecord";

/** A server that answers with what it sees of a call, and counts how many came by the short way. */
class Mirror {
  readonly listener: Listener;
  readonly refused: RefusalCause[] = [];
  port = 0;
  shortWay = 0;

  constructor(hasShortWay: boolean) {
    const onCall = (call: Call): void => {
      this.shortWay += 1;
      void mirror(call).catch(() => undefined); // its body never came
    };
    this.listener = new Listener({
      onRequest: (request, response) => void mirror(new NodeCall(request, response)).catch(() => response.destroy()),
      onUpgrade: (_, socket) => void socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
      onRefused: (cause) => void this.refused.push(cause),
      ...(hasShortWay && { plain: { takes: (target) => target === TARGET, onCall } }),
    });
  }

  /** All that comes back on a connection of its own. */
  async answers(bytes: Buffer): Promise<string> {
    const client = new Client(this.port);
    client.socket.end(bytes);
    await once(client.socket, "close");
    return client.heard;
  }

  /** The same, of a client that goes on when it has sent a piece, or heard so many answers. */
  async talk(steps: readonly Step[]): Promise<string> {
    const client = new Client(this.port);
    for (const step of steps) {
      if (typeof step === "number") await client.answered(step);
      else if (!client.socket.destroyed) client.socket.write(step);
      await someTurns();
    }
    client.socket.end();
    if (!client.socket.closed) await once(client.socket, "close");
    return client.heard;
  }
}

/** A piece that is sent, or how many answers are waited for. */
type Step = Buffer | number;

class Client {
  readonly socket: Socket;
  #text = "";

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("error", () => undefined);
    this.socket.setEncoding("latin1").on("data", (chunk: string) => (this.#text += chunk));
  }

  get heard(): string {
    return this.#text.replaceAll(/Date: .*\r\n/g, "");
  }

  /** Until so many answers have come, or none can any more. */
  async answered(count: number): Promise<void> {
    const isEnough = (): boolean => this.socket.closed || this.#text.split("HTTP/1.1 ").length > count;
    await vi.waitUntil(isEnough, { interval: 1, timeout: 5000 });
  }
}

/** For the servers, in this process, to read what was written; mostly that is enough. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
}

/** Answers with all that the front looks at; where a header says so, a little later, or without the body. */
async function mirror(call: Call): Promise<void> {
  const isAsked = (name: string): boolean => call.signed.rawHeaders.some((text) => text.toLowerCase() === name);
  if (isAsked("x-later")) await someTurns();
  if (isAsked("x-unread")) {
    call.answer({ status: 413, contentType: undefined, requestId: "r", extendedId: "x", body: [] });
    return;
  }
  const limits = { bytesMax: 1 << 20, idleMs: 1000, totalMs: 1000 };
  const coming = call.readBody(limits);
  const { bytes, sha256 }: RequestBody = coming instanceof Promise ? await coming : coming;
  const { method, headers, httpVersionMajor, signed } = call;
  const seen = {
    method,
    httpVersionMajor,
    headers: [
      "content-type",
      "content-length",
      "transfer-encoding",
      "x-amz-target",
      "x-headwater-producer",
      "expect",
    ].map((name) => headers[name as "expect"] ?? null),
    // The signature covers names in lower case.
    signed: {
      ...signed,
      hasLowerCaseNames: true,
      rawHeaders: signed.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text)),
    },
    body: bytes.latin1(0, Math.min(100, bytes.length)),
    sha256,
  };
  const body = Buffer.from(JSON.stringify(seen));
  call.answer({ status: 200, contentType: "application/json", requestId: "r", extendedId: "x", body });
}

const [byShortWay, byNode] = [new Mirror(true), new Mirror(false)];
beforeAll(async () => {
  for (const one of [byShortWay, byNode]) one.port = (await one.listener.listen(0, "127.0.0.1")).port;
});
afterAll(async () => {
  for (const one of [byShortWay, byNode]) await one.listener.stop();
});

/** Whether both say the same to it; answers whether the short way took it. */
async function sameMeaning(bytes: Buffer): Promise<boolean> {
  const before = byShortWay.shortWay;
  const answers = await Promise.all([byShortWay.answers(bytes), byNode.answers(bytes)]);
  expect(answers[0]).toBe(answers[1]);
  expect(byShortWay.refused).toEqual(byNode.refused);
  return byShortWay.shortWay > before;
}

const plain = [
  "POST / HTTP/1.1",
  "Host: localhost:4567",
  "X-Amz-Target: Kinesis_20131202.PutRecord",
  "Content-Type: application/x-amz-json-1.1",
  "Content-Length: 4",
];
const request = (lines: readonly string[], body = "body"): Buffer =>
  Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");
/** The plain request with one line in the place of that which begins so, or after all. */
const withLine = (line: string, instead = "\0"): Buffer =>
  request([...plain.filter((one) => !one.startsWith(instead)), line]);

describe("taken by the short way", () => {
  test.each<[string, Buffer]>([
    ["a plain request", request(plain)],
    ["one without a body", request([...plain.slice(0, 4), "Content-Length: 0"], "")],
    [
      "names in any case",
      request(
        plain.map((line, i) => (i === 0 ? line : line.toUpperCase().replace("KINESIS_20131202.PUTRECORD", TARGET))),
      ),
    ],
    ["keep-alive, said in so many words", withLine("Connection: Keep-Alive")],
    ["spaces around values, and none", withLine("x-a:b  ")],
    ["values of nothing", withLine("x-a:")],
    ["colons, commas and equals signs in values", withLine("Authorization: A b=c/d, e=f:g;h, i=")],
    ["other headers twice", request([...plain, "x-a: 1", "X-A: 2"])],
    ["any other method's name as a header", withLine("GET: /")],
    ["half a body", request(plain, "bo")],
    ["a head without its body", request(plain, "")],
  ])("%s", async (_, bytes) => {
    expect(await sameMeaning(bytes)).toBe(true);
  });
});

describe("left to Node, whatever it means", () => {
  test.each<[string, Buffer]>([
    ["two lengths that agree", withLine("Content-Length: 4")],
    ["two lengths that do not", withLine("Content-Length: 5")],
    ["a list of lengths", withLine("Content-Length: 4, 4", "Content-Length")],
    ["a length with a sign", withLine("Content-Length: +4", "Content-Length")],
    ["a length below nothing", withLine("Content-Length: -4", "Content-Length")],
    ["a length with zeros before it", withLine("Content-Length: 004", "Content-Length")],
    ["a hexadecimal length", withLine("Content-Length: 0x4", "Content-Length")],
    ["a length with a space in it", withLine("Content-Length: 4 4", "Content-Length")],
    ["a length beyond all", withLine("Content-Length: 99999999999999999999", "Content-Length")],
    ["no length", request(plain.slice(0, 4), "")],
    ["a length and chunks", withLine("Transfer-Encoding: chunked")],
    ["chunks by another name", withLine("Transfer-Encoding: xchunked")],
    ["a space before the colon", withLine("Content-Length : 4", "Content-Length")],
    ["a tab before the colon", withLine("Content-Length\t: 4", "Content-Length")],
    ["a tab after the colon", withLine("x-a:\tb")],
    ["a folded header", withLine("x-a: b\r\n c")],
    ["a header without a name", withLine(": b")],
    ["a line without a colon", withLine("x-a")],
    ["a lone line feed", withLine("x-a: b\nTransfer-Encoding: chunked")],
    ["a lone carriage return", withLine("x-a: b\rTransfer-Encoding: chunked")],
    ["a NUL in a value", withLine("x-a: b\0c")],
    ["a NUL in a name", withLine("x\0a: b")],
    ["bytes beyond ASCII in a value", withLine("x-a: \u00e9")],
    ["bytes beyond ASCII in a name", withLine("x-\u00e9: a")],
    ["two targets", withLine("X-Amz-Target: Kinesis_20131202.DeleteStream")],
    ["two hosts", withLine("Host: other")],
    ["no host", request(plain.filter((line) => !line.startsWith("Host")))],
    ["a connection to be closed", withLine("Connection: close")],
    ["a connection with more to it", withLine("Connection: keep-alive, x-a")],
    ["an offer to upgrade", withLine("Upgrade: h2c")],
    ["a page's request", withLine("Origin: http://localhost")],
    ["another target", withLine("X-Amz-Target: Kinesis_20131202.Other", "X-Amz-Target")],
    ["another version", request(["POST / HTTP/1.0", ...plain.slice(1)])],
    ["another path", request(["POST /x HTTP/1.1", ...plain.slice(1)])],
    ["a query", request(["POST /?x=y HTTP/1.1", ...plain.slice(1)])],
    ["a whole address", request(["POST http://localhost/ HTTP/1.1", ...plain.slice(1)])],
    ["another method", request(["PUT / HTTP/1.1", ...plain.slice(1)])],
    ["a line before the first", request(["", ...plain])],
    ["bare line feeds throughout", Buffer.from(`${plain.join("\n")}\n\nbody`)],
    ["half a head", Buffer.from(plain.join("\r\n"))],
    ["a byte more than its body", request(plain, "body!")],
    ["a line end after its body", request(plain, "body\r\n")],
    ["two requests", Buffer.concat([request(plain), request(plain)])],
    ["a request in the body's place", request(plain, request(plain).toString())],
    ["65 headers", request([...plain, ...Array.from({ length: 61 }, (__, i) => `x-${i}: y`)])],
    ["headers of 20 KiB", withLine(`x-a: ${"b".repeat(20 << 10)}`)],
  ])("%s", async (_, bytes) => {
    expect(await sameMeaning(bytes)).toBe(false);
  });
});

const line = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...plain.slice(1)) },
  fc.constantFrom(
    ..."Content-Length: 4|content-length:4|Content-Length: 5|Content-Length: 0|Connection: keep-alive|connection: close".split(
      "|",
    ),
    ..."Transfer-Encoding: chunked|Host: h|x-a: b|x-a:|X-A:   c  |Expect: x|TE: trailers|Keep-Alive: timeout=5".split(
      "|",
    ),
    ..."X-Headwater-Producer: p|x-amz-target: Kinesis_20131202.PutRecord|Authorization: AWS4 a=b, c=d;e".split("|"),
  ),
  fc
    .tuple(fc.constantFrom("x-a", "Cookie", "Accept", "x_b", "~"), fc.string({ unit: "grapheme-ascii", maxLength: 8 }))
    .map((parts) => parts.join(": ")),
);
const body = fc.constantFrom("body", "body", "body", "body", "", "bod", "body!", "body\r\n", "body\r\n\r\n");
/** Bytes that mean something somewhere. */
const byte = fc.oneof(
  fc.constantFrom(..."\r\n\0\t :,;4x\x7f\x80\xff".split("").map((text) => text.charCodeAt(0))),
  fc.nat(255),
);
const change = fc.tuple(fc.constantFrom("insert", "remove", "replace"), fc.nat(), byte);

function changed(bytes: Buffer, changes: readonly [string, number, number][]): Buffer {
  const all = [...bytes];
  for (const [kind, at, value] of changes) {
    const given = kind === "remove" ? [] : [value];
    all.splice(at % (all.length + 1), kind === "insert" ? 0 : 1, ...given);
  }
  return Buffer.from(all);
}

test("both mean the same, for any lines and any changed bytes", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        { weight: 2, arbitrary: fc.constant(plain.slice(1)) },
        fc.tuple(fc.constant(plain.slice(1)), fc.array(line, { maxLength: 3 })).map((all) => all.flat()),
        fc.shuffledSubarray(plain.slice(1), { minLength: 3 }),
        fc.array(line, { maxLength: 8 }),
      ),
      body,
      fc.oneof(fc.constant([]), fc.array(change, { minLength: 1, maxLength: 2 })),
      async (lines, text, changes) => {
        if (await sameMeaning(changed(request(["POST / HTTP/1.1", ...lines], text), changes))) taken += 1;
      },
    ),
    { numRuns: 600 },
  );
  expect(taken).toBeGreaterThan(30); // or the property says nothing of the short way
});

/** A request of a conversation; its body says which one it is, and looks like requests. */
const said = fc.record({
  lines: fc.constantFrom<string[]>([], [], [], ["x-later: 1"], ["x-unread: 1"], ["x-later: 1", "x-unread: 1"]),
  /** Whether the short way takes it. */
  isPlain: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.constant(false)),
  bytes: fc.oneof(fc.nat(20), fc.constantFrom(65_536, 65_537, 131_072), fc.nat(300_000)),
  /** Whether its answer is waited for before the next one is sent. */
  isWaited: fc.boolean(),
});
/** Where the bytes of a request are cut, from its start or from its head's end. */
const cuts = fc.array(fc.tuple(fc.boolean(), fc.oneof(fc.integer({ min: -3, max: 3 }), fc.nat(70_000))), {
  maxLength: 6,
});

test("both mean the same, in whatever pieces requests come, one after the other or before the answers", async () => {
  const before = byShortWay.shortWay;
  let surelyShort = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(said, cuts), { minLength: 1, maxLength: 5 }), async (requests) => {
      const takenBefore = byShortWay.shortWay;
      const steps: Step[] = [];
      for (const [i, [{ lines, isPlain, bytes, isWaited }, at]] of requests.entries()) {
        const first = isPlain ? "POST / HTTP/1.1" : "POST /x HTTP/1.1";
        const lengthLine = `Content-Length: ${bytes}`;
        const body = Buffer.alloc(bytes, `${i}${request(plain).toString()}`);
        const sent = request([first, ...plain.slice(1, 4), ...lines, lengthLine], body.toString());
        const places = at.map(([isOfBody, place]) => place + (isOfBody ? sent.length - bytes : 0));
        places.sort((a, b) => a - b);
        let from = 0;
        for (const to of [...places, sent.length]) {
          if (to <= from || to > sent.length) continue;
          steps.push(sent.subarray(from, to));
          from = to;
        }
        if (isWaited || i === requests.length - 1) steps.push(i + 1);
      }
      const heard = await Promise.all([byShortWay.talk(steps), byNode.talk(steps)]);
      expect(heard[0]).toBe(heard[1]);
      // Whose head came in one piece, and nothing behind it, has no other way.
      const [{ isPlain, isWaited }] = requests[0]!;
      const isHeadWhole = (steps[0] as Buffer).includes("\r\n\r\n");
      if (!isPlain || !isHeadWhole || !(isWaited || requests.length === 1)) return;
      surelyShort += 1;
      expect(byShortWay.shortWay).toBeGreaterThan(takenBefore);
    }),
    { numRuns: 100, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true }, // of a hang, there is time to tell which
  );
  expect(surelyShort).toBeGreaterThan(8); // or the property says nothing of the short way
  expect(byShortWay.shortWay - before).toBeGreaterThan(30);
});
