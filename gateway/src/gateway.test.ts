import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, nodeDisk } from "@headwater/log";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { startGateway, type Gateway } from "./gateway.js";
import { settingsSchema } from "./settings.js";
import { eventually } from "./testing/eventually.js";
import { RamDisk } from "./testing/ram-disk.js";
import { RawClient } from "./testing/raw-client.js";

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A Kinesis of one shard that answers PutRecords, or nothing at all any more. */
class SomeKinesis {
  isHanging = false;
  /** Each PutRecords that came: the producer's header and the body. */
  readonly puts: { readonly name: unknown; readonly body: string }[] = [];
  readonly #server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on("data", (chunk: Buffer) => body.push(chunk));
    request.on("end", () => {
      const isPut = request.headers["x-amz-target"] === "Kinesis_20131202.PutRecords";
      const text = Buffer.concat(body).toString();
      if (isPut) this.puts.push({ name: request.headers["x-headwater-producer"], body: text });
      if (this.isHanging && isPut) return;
      response.setHeader("content-type", "application/x-amz-json-1.1");
      response.end(JSON.stringify(isPut ? accepted(text) : ONE_SHARD));
    });
  });

  async start(): Promise<string> {
    // The control channel's upgrade gets no answer either.
    this.#server.on("upgrade", () => undefined);
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    closers.push(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}

const ONE_SHARD = {
  Shards: [
    {
      ShardId: "shardId-000000000000",
      HashKeyRange: { StartingHashKey: "0", EndingHashKey: (2n ** 128n - 1n).toString() },
      SequenceNumberRange: { StartingSequenceNumber: "1" },
    },
  ],
};

function accepted(body: string) {
  const { Records: records } = JSON.parse(body) as { Records: unknown[] };
  return { Records: records.map(() => ({ ShardId: "shardId-000000000000", SequenceNumber: "1" })) };
}

async function start(data: string, upstream: string, disk: Disk = nodeDisk()): Promise<Gateway> {
  const settings = settingsSchema.parse({ data, upstream, allowAnonymous: true, mqttPort: 0, diskFreeBytesMin: 0 });
  const logger = pino({ level: "silent" });
  return await startGateway(settings, { disk, clock: { now: Date.now }, logger, random: Math.random });
}

test("stops while the upstream hangs; the next start sends the same request under the same name, then goes on", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIA");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  const data = await mkdtemp(join(tmpdir(), "gateway-"));
  closers.push(() => rm(data, { recursive: true }));
  const kinesis = new SomeKinesis();
  kinesis.isHanging = true;
  const url = await kinesis.start();

  const first = await start(data, url);
  const client = await RawClient.connect(Number(new URL(first.addresses.mqtt).port), "plc");
  client.publish(1, "streams/s/k", "kept");
  await client.next("puback", 1);
  await eventually(() => expect(kinesis.puts).toHaveLength(1));
  expect(first.health()).toMatchObject({ ok: true, spoolRecords: 1 });
  await expect(start(data, url), "two on one directory").rejects.toMatchObject({ code: "directory-in-use" });
  await first.stop();
  await client.closed;

  kinesis.isHanging = false;
  const second = await start(data, url);
  closers.push(() => second.stop());
  await eventually(() => expect(second.health()).toMatchObject({ spoolRecords: 0, forwardedRecords: 1 }));
  expect(kinesis.puts).toHaveLength(2);
  expect(kinesis.puts[1]).toEqual(kinesis.puts[0]);
  expect(await second.metrics()).toContain("headwater_gateway_records_forwarded_total 1");
});

test.each([
  ["ENOSPC", "disk-full"],
  ["EIO", "disk-failed"],
] as const)(
  "%s: ill while the disk takes no messages, and says why; well after one that it took",
  async (fault, report) => {
    const data = await mkdtemp(join(tmpdir(), "gateway-"));
    closers.push(() => rm(data, { recursive: true }));
    const disk = new RamDisk();
    const gateway = await start(data, "http://127.0.0.1:1", disk);
    closers.push(() => gateway.stop());
    const port = Number(new URL(gateway.addresses.mqtt).port);
    const isAcknowledged = async (): Promise<boolean> => {
      const client = await RawClient.connect(port, "plc");
      client.publish(1, "streams/s/k", "x");
      return await client.next("puback", 1).then(
        () => true,
        () => false,
      );
    };

    expect(await isAcknowledged()).toBe(true);
    expect(gateway.health()).toMatchObject({ ok: true, disk: "ok" });
    disk.failure = fault;
    expect(await isAcknowledged()).toBe(false);
    expect(gateway.health()).toMatchObject({
      ok: false,
      disk: report,
      diskError: expect.stringContaining(fault) as unknown,
    });
    disk.failure = undefined;
    expect(await isAcknowledged()).toBe(true);
    expect(gateway.health()).toMatchObject({ ok: true, disk: "ok" });
  },
);
