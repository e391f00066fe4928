import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { MatroskaReader } from "@headwater/protocol/matroska";
import { afterEach, expect, test } from "vitest";
import type { Ack } from "./ack.js";
import { callKinesisVideo } from "./kinesis-video.js";
import { type MediaPart, matroskaBody } from "./matroska-body.js";
import { putMedia, type PutMediaOptions } from "./put-media.js";
import { ScriptedServer } from "./testing/scripted-server.js";

const servers: ScriptedServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

type Script = (request: IncomingMessage, response: ServerResponse, call: number) => void;

async function serve(script: Script, options?: { isContinueAnswered: boolean }): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(script, options);
  servers.push(server);
  return server;
}

function optionsFor(
  { url }: ScriptedServer,
  more: Partial<PutMediaOptions> = {},
): PutMediaOptions & { readonly endpoint: string } {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token" };
  return { region: "us-east-1", credentials, streamName: "cam", ...more, endpoint: url };
}

async function* bytes(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
}

/** A body that never ends by itself, and whether it was told to. */
function endless(first = "x"): { body: AsyncIterable<Uint8Array>; isReturned: () => boolean } {
  let isReturned = false;
  let isFirst = true;
  const next = (): Promise<IteratorResult<Uint8Array>> => {
    if (!isFirst) return new Promise(() => undefined);
    isFirst = false;
    return Promise.resolve({ done: false, value: Buffer.from(first) });
  };
  const iterator: AsyncIterator<Uint8Array> = {
    next,
    return: () => {
      isReturned = true;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { body: { [Symbol.asyncIterator]: () => iterator }, isReturned: () => isReturned };
}

async function all(acks: AsyncIterable<Ack>): Promise<Ack[]> {
  const found: Ack[] = [];
  for await (const ack of acks) found.push(ack);
  return found;
}

function persisted(timecode: number): string {
  return `{"EventType":"PERSISTED","FragmentTimecode":${timecode},"FragmentNumber":"9"}\n`;
}

const fails = (details: object) => expect.objectContaining({ name: "PutMediaError", ...details }) as Error;

test("acknowledgements come while the body is still on its way", async () => {
  const server = await serve((request, response) => {
    response.writeHead(200);
    // Each chunk is answered before the next is sent, so neither side may wait for the other's end.
    request.on("data", (chunk: Buffer) => response.write(persisted(Number(chunk.toString()))));
    request.on("end", () => response.end());
  });
  let answered: (() => void) | undefined;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 5; i++) {
      const answer = new Promise<void>((resolve) => (answered = resolve));
      yield Buffer.from(String(i));
      await answer;
    }
  }
  const timecodes: unknown[] = [];
  for await (const ack of putMedia(optionsFor(server), body())) {
    timecodes.push(ack.event === "PERSISTED" && ack.fragmentTimecodeMs);
    answered?.();
  }
  expect(timecodes).toEqual([0, 1, 2, 3, 4]);
});

test("the request is the one that PutMedia wants, and asks for the endpoint once", async () => {
  let headers: IncomingMessage["headers"] = {};
  let body = "";
  const server = await serve((request, response) => {
    headers = request.headers;
    response.writeHead(200);
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => response.end());
  });
  const options = optionsFor(server, { startTimestampMs: 1_795_188_690_051 });
  expect(await all(putMedia(options, bytes("a", "b", "c")))).toEqual([]);
  expect(body).toBe("abc");
  expect(server.dataEndpointCalls).toEqual(['{"StreamName":"cam","APIName":"PUT_MEDIA"}']);
  expect(headers).toMatchObject({
    host: new URL(server.url).host,
    expect: "100-continue",
    "transfer-encoding": "chunked",
    "x-amzn-stream-name": "cam",
    "x-amzn-fragment-timecode-type": "ABSOLUTE",
    "x-amzn-producer-start-timestamp": "1795188690.051",
    "x-amzn-fragment-acknowledgment-required": "1",
    "x-amz-security-token": "token",
  });
  const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")?.[1]?.split(";");
  expect(signed).toEqual(expect.arrayContaining(["host", "x-amz-date", "x-amz-security-token", "x-amzn-stream-name"]));
  // Hop by hop: a proxy may change them.
  expect(signed).not.toContain("transfer-encoding");
  expect(headers).not.toHaveProperty("x-amz-content-sha256");
});

test("a server that answers nothing to Expect gets the body all the same", async () => {
  const server = await serve(
    (request, response) => {
      request.once("data", () => {
        response.writeHead(200);
        response.end(persisted(7));
      });
    },
    { isContinueAnswered: false },
  );
  const [ack] = await all(putMedia(optionsFor(server), bytes("x")));
  expect(ack).toMatchObject({ event: "PERSISTED", fragmentTimecodeMs: 7 });
});

test("a refusal instead of 100 Continue is told with AWS's name of it, and nothing of the body is pulled", async () => {
  let pulled = 0;
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        pulled++;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  const server = await serve(
    (_request, response) => {
      response.writeHead(403, { "x-amzn-ErrorType": "AccessDeniedException" });
      response.end('{"Message":"not you"}');
    },
    { isContinueAnswered: false },
  );
  const acks = all(putMedia(optionsFor(server), body));
  await expect(acks).rejects.toEqual(
    fails({ code: "refused", status: 403, type: "AccessDeniedException", isRetriable: false }),
  );
  await expect(acks).rejects.toThrow("not you");
  expect(pulled).toBe(0);
});

test("a stream that does not exist is refused by GetDataEndpoint", async () => {
  const server = await serve(() => undefined);
  await expect(all(putMedia(optionsFor(server, { streamName: "absent" }), bytes("x")))).rejects.toEqual(
    fails({ code: "refused", status: 404, type: "ResourceNotFoundException" }),
  );
});

test("errors are acknowledgements too, and may name no fragment", async () => {
  const server = await serve((_request, response) => {
    response.writeHead(200);
    response.write(`{"EventType":"ERROR","ErrorId":4006,"ErrorCode":"INVALID_MKV_DATA","FragmentTimecode":5}\n`);
    response.end(`{"EventType":"ERROR","ErrorId":5000}\n`);
  });
  const { body } = endless();
  const acks = putMedia(optionsFor(server), body);
  expect((await acks.next()).value).toMatchObject({ event: "ERROR", errorId: 4006, fragmentTimecodeMs: 5 });
  expect((await acks.next()).value).toMatchObject({ event: "ERROR", errorId: 5000, fragmentTimecodeMs: undefined });
});

test("an answer that ends while the socket stays open ends the upload", async () => {
  const server = await serve((_request, response) => {
    response.writeHead(200);
    response.end(persisted(1));
  });
  const { body, isReturned } = endless();
  const acks = putMedia(optionsFor(server), body);
  expect((await acks.next()).value).toMatchObject({ event: "PERSISTED" });
  await expect(acks.next()).rejects.toEqual(fails({ code: "interrupted", isRetriable: true }));
  expect(isReturned()).toBe(true);
});

test("a connection that drops is an interruption", async () => {
  const server = await serve((request, response) => {
    response.writeHead(200);
    response.write(persisted(1));
    request.on("data", () => response.destroy());
  });
  const { body, isReturned } = endless();
  await expect(all(putMedia(optionsFor(server), body))).rejects.toEqual(fails({ code: "interrupted" }));
  expect(isReturned()).toBe(true);
});

test("no server is unreachable, at the control plane and at the data endpoint", async () => {
  const server = await serve(() => undefined);
  const options = optionsFor(server);
  server.close();
  await expect(all(putMedia(options, bytes("x")))).rejects.toEqual(fails({ code: "unreachable" }));
  const known = { ...options, dataEndpoint: options.endpoint };
  await expect(all(putMedia(known, bytes("x")))).rejects.toEqual(fails({ code: "unreachable", isRetriable: true }));
});

test("a server that takes the connection and says nothing is given up", async () => {
  const server = await serve(() => undefined, { isContinueAnswered: false });
  const options = optionsFor(server, { dataEndpoint: server.url, answerTimeoutMs: 50 });
  await expect(all(putMedia(options, endless().body))).rejects.toEqual(fails({ code: "unreachable" }));
});

test("a refusal that does not end is told all the same", async () => {
  const server = await serve((_request, response) => {
    response.writeHead(503, { "x-amzn-ErrorType": "ServiceUnavailableException" });
    response.write('{"Mess');
  });
  await expect(all(putMedia(optionsFor(server, { answerTimeoutMs: 1_000 }), bytes("x")))).rejects.toEqual(
    fails({ code: "refused", status: 503, type: "ServiceUnavailableException", isRetriable: true }),
  );
});

test("an answer of the control plane that does not end is given up, however fast it comes", async () => {
  const server = createServer((_request, response) => {
    const pour = (): void => {
      while (response.write(Buffer.alloc(65_536, 0x20)));
    };
    response.on("drain", pour);
    pour();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "b" }, endpoint };
  await expect(callKinesisVideo(options, "describeStream", {})).rejects.toEqual(fails({ code: "malformed-answer" }));
  server.closeAllConnections();
  server.close();
});

test("an answer that is none is told", async () => {
  const server = await serve((_request, response) => {
    response.writeHead(200);
    response.write("<html>");
  });
  await expect(all(putMedia(optionsFor(server), endless().body))).rejects.toEqual(
    fails({ code: "malformed-answer", isRetriable: false }),
  );
});

test("what the body throws is thrown on, and the server sees the connection break", async () => {
  let sawBreak: (() => void) | undefined;
  const broke = new Promise<void>((resolve) => (sawBreak = resolve));
  const server = await serve((request, response) => {
    response.writeHead(200);
    response.flushHeaders();
    request.on("data", () => undefined);
    request.on("error", () => sawBreak?.());
  });
  const trouble = new Error("the disk fails");
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("x");
    await Promise.reject(trouble);
  }
  await expect(all(putMedia(optionsFor(server), body()))).rejects.toBe(trouble);
  await broke;
});

test("aborting ends it with the signal's reason, whatever it waits for", async () => {
  const stop = new AbortController();
  const server = await serve((_request, response) => {
    response.writeHead(200);
    response.write(persisted(1));
  });
  const { body, isReturned } = endless();
  const acks = putMedia(optionsFor(server, { signal: stop.signal }), body);
  await acks.next();
  const next = acks.next();
  stop.abort(new Error("enough"));
  await expect(next).rejects.toThrow("enough");
  expect(isReturned()).toBe(true);
  await expect(all(putMedia(optionsFor(server, { signal: stop.signal }), body))).rejects.toThrow("enough");
});

test("aborting is heard while the credentials are looked for", async () => {
  const stop = new AbortController();
  const server = await serve(() => undefined);
  const credentials = (): Promise<never> => {
    stop.abort(new Error("enough"));
    return new Promise(() => undefined);
  };
  const options = { ...optionsFor(server, { signal: stop.signal }), credentials };
  await expect(all(putMedia(options, bytes("x")))).rejects.toThrow("enough");
});

test("leaving the loop closes the connection", async () => {
  let closed: (() => void) | undefined;
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  const server = await serve((request, response) => {
    response.writeHead(200);
    response.write(persisted(1));
    request.on("close", () => closed?.());
  });
  const { body, isReturned } = endless();
  const acks = putMedia(optionsFor(server), body);
  await acks.next();
  await acks.return();
  await isClosed;
  expect(isReturned()).toBe(true);
});

test("the body is pulled no faster than the server reads", async () => {
  let readBytes = 0;
  const server = await serve((request, response) => {
    response.writeHead(200);
    request.on("data", (chunk: Buffer) => {
      readBytes += chunk.length;
    });
    request.on("end", () => response.end());
  });
  const chunk = Buffer.alloc(256 * 1024);
  let aheadBytes = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let pulled = 1; pulled <= 512; pulled++) {
      aheadBytes = Math.max(aheadBytes, pulled * chunk.length - readBytes);
      yield await Promise.resolve(chunk);
    }
  }
  await all(putMedia(optionsFor(server), body()));
  expect(readBytes).toBe(512 * chunk.length);
  // What the system holds for a connection is a few MiB; who doesn't wait for it is 128 MiB ahead.
  expect(aheadBytes).toBeLessThan(32 * 1024 * 1024);
});

test("parts become Matroska as they come", async () => {
  const data = Buffer.from("frame");
  async function* parts(): AsyncGenerator<MediaPart> {
    yield { kind: "fragment", timecodeMs: 1_795_188_690_051 };
    yield { kind: "frame", track: 1, relativeTimecode: -3, isKey: true, data };
    yield { kind: "tags", tags: [{ name: "place", value: "door" }] };
    yield await Promise.resolve({ kind: "fragmentEnd" as const });
  }
  const reader = new MatroskaReader();
  const found: unknown[] = [];
  const document = {
    writingApp: "test",
    tracks: [{ number: 1, type: "video", codecId: "V_X", language: "eng" }],
  } as const;
  for await (const chunk of matroskaBody(document, parts())) found.push(...reader.push(chunk));
  expect(found).toMatchObject([
    { kind: "document", writingApp: "test" },
    { kind: "tracks", tracks: [{ number: 1, codecId: "V_X" }] },
    { kind: "cluster", timecodeMs: 1_795_188_690_051 },
    { kind: "frame", track: 1, timecodeMs: 1_795_188_690_048, isKey: true, data },
    { kind: "tag", name: "place", value: "door" },
    { kind: "tag", name: "AWS_KINESISVIDEO_END_OF_FRAGMENT" },
    { kind: "clusterEnd" },
  ]);
});
