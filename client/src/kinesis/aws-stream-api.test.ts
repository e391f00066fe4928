import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { ClientError } from "../client-error.js";
import { AwsStreamApi } from "./aws-stream-api.js";

const never = new AbortController().signal;

/** Kinesis without shards, that counts its connections and answers on those that are not `dead`. */
async function kinesisOn(dead: ReadonlySet<Socket>): Promise<{ api: AwsStreamApi; connections: Set<Socket> }> {
  const connections = new Set<Socket>();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (dead.has(request.socket)) return;
      response.setHeader("content-type", "application/x-amz-json-1.1");
      response.end(JSON.stringify({ Shards: [] }));
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
