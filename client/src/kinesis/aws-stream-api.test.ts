import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { ClientError } from "../client-error.js";
import { AwsStreamApi } from "./aws-stream-api.js";

const never = new AbortController().signal;

const SERVICE_MS = Date.UTC(2026, 0, 1);

/** Such as 20260101T000000Z. */
function timeOf(text: string): number {
  return Date.parse(text.replace(/^(.{4})(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

/** Kinesis without shards, that counts its connections and answers on those that are not `dead`. */
async function kinesisOn(dead: ReadonlySet<Socket>): Promise<{ api: AwsStreamApi; connections: Set<Socket> }> {
  const connections = new Set<Socket>();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (dead.has(request.socket)) return;
      const signedMs = timeOf(String(request.headers["x-amz-date"]));
      response.setHeader("date", new Date(SERVICE_MS).toUTCString());
      response.setHeader("content-type", "application/x-amz-json-1.1");
      if (signedMs > SERVICE_MS - 300_000) response.end(JSON.stringify({ Shards: [] }));
      else {
        response.statusCode = 400;
        response.end(JSON.stringify({ __type: "InvalidSignatureException", message: "Signature expired: too old" }));
      }
    });
  });
  server.on("connection", (socket) => connections.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const api = new AwsStreamApi(
    {
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      credentials: { accessKeyId: "AKIA", secretAccessKey: "secret" },
    },
    { answerMs: 100_000, silenceMs: 200, socketsMax: 4 },
  );
  onTestFinished(() => {
    api.close();
    server.closeAllConnections();
    server.close();
  });
  return { api, connections };
}

test("the service's time is that of its answers", async () => {
  const { api } = await kinesisOn(new Set());
  vi.useFakeTimers({ now: SERVICE_MS - 200_000, toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  expect(await api.nowMs("s", never)).toBe(SERVICE_MS);
});

test("a clock that is off costs a try and no more, of several calls at once, too", async () => {
  const { api } = await kinesisOn(new Set());
  vi.useFakeTimers({ now: SERVICE_MS - 3_600_000, toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const first = await Promise.allSettled([1, 2, 3].map(() => api.listShards("s", undefined, never)));
  expect(first).toMatchObject([1, 2, 3].map(() => ({ status: "rejected", reason: { code: "throttled" } })));
  expect(await api.listShards("s", undefined, never)).toEqual([]);
});

test("calls share a connection", async () => {
  const { api, connections } = await kinesisOn(new Set());
  for (let i = 0; i < 5; i++) await api.listShards("s", undefined, never);
  expect(connections.size).toBe(1);
});

test("a connection that has gone without a word costs one call, and not all that follow", async () => {
  const dead = new Set<Socket>();
  const { api, connections } = await kinesisOn(dead);
  await api.listShards("s", undefined, never);
  for (const socket of connections) dead.add(socket);
  const failures: string[] = [];
  const isAnswered = async (): Promise<boolean> => {
    try {
      await api.listShards("s", undefined, never);
      return true;
    } catch (error) {
      failures.push(error instanceof ClientError ? error.code : String(error));
      return false;
    }
  };
  await expect.poll(isAnswered).toBe(true);
  expect(new Set(failures)).toEqual(new Set(["unreachable"]));
  expect(connections.size).toBeGreaterThan(1);
});
