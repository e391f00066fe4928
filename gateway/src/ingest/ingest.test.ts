import { encodeRecord, encodeRecordsEnvelope, recordsTopic, statusTopic } from "@headwater/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Refusal } from "../gateway-error.js";
import { Session } from "../listener/session.js";
import { RamDisk } from "../testing/ram-disk.js";
import { openSpool, readDeadLetters, readStream, type SpoolOnDisk, valueOf } from "../testing/spool-on-disk.js";

const spoolId = "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d";
const anonymous = () => new Session("cam", "cam", undefined);
const MEBIBYTE = 1024 * 1024;

interface Given {
  readonly sequence: number;
  readonly stream?: string;
  readonly partitionKey?: string;
  readonly explicitHashKey?: string;
  readonly data?: Buffer;
  /** Instead of a record. */
  readonly bytes?: Buffer;
}

function envelope(...given: readonly Given[]): Buffer {
  return encodeRecordsEnvelope({
    spoolId,
    lane: 0,
    entries: given.map(({ sequence, bytes, stream = "s", partitionKey = "k", data, explicitHashKey }) => ({
      sequence,
      captureMs: 1,
      clockUnsynchronised: false,
      record:
        bytes ??
        encodeRecord({
          stream,
          partitionKey,
          boot: 1,
          monotonicMs: 0,
          data: data ?? Buffer.from(`r${sequence}`),
          ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
        }),
    })),
  });
}

let disk: RamDisk;
let gateway: SpoolOnDisk;

beforeEach(async () => {
  disk = new RamDisk();
  gateway = await openSpool(disk);
});

const publish = (topic: string, payload: Buffer, session = anonymous()): Promise<void> =>
  gateway.ingest.publish(session, topic, payload);

test("an envelope's records lie in their streams' spools, in order, with their identity", async () => {
  await publish(recordsTopic("cam"), envelope({ sequence: 1 }, { sequence: 2, stream: "t" }, { sequence: 5 }));
  expect(await readStream(gateway.log, "s")).toEqual([
    { data: "r1", sequence: 1 },
    { data: "r5", sequence: 5 },
  ]);
  expect(await readStream(gateway.log, "t")).toEqual([{ data: "r2", sequence: 2 }]);
});

test("a plain client's message becomes a record of the topic's stream and key", async () => {
  await publish("streams/s/hall%2F1/temperature", Buffer.from("21.5"));
  expect(await readStream(gateway.log, "s")).toEqual([{ data: "21.5", sequence: undefined }]);
});

test("a repeat is acknowledged and not stored again, record for record, also after a power cut", async () => {
  await publish(recordsTopic("cam"), envelope({ sequence: 1 }, { sequence: 2 }));
  await publish(recordsTopic("cam"), envelope({ sequence: 2 }, { sequence: 3 }));
  disk = disk.powerOn();
  gateway = await openSpool(disk);
  await publish(recordsTopic("cam"), envelope({ sequence: 1 }, { sequence: 3 }, { sequence: 4 }));
  expect((await readStream(gateway.log, "s")).map(({ data }) => data)).toEqual(["r1", "r2", "r3", "r4"]);
  expect(await valueOf(gateway.metrics, "records_repeated_total")).toBe(2);
});

test("watermarks outlive the frames that they come from", async () => {
  await publish(recordsTopic("cam"), envelope({ sequence: 1 }, { sequence: 2 }));
  gateway.spool.streams.get("s")?.release(2);
  await gateway.spool.sweep();
  // A trim is durable lazily, so a power cut could bring the frames back; the log's end does not.
  await gateway.log.close();
  gateway = await openSpool(disk);
  expect(await readStream(gateway.log, "s")).toEqual([]);
  await publish(recordsTopic("cam"), envelope({ sequence: 2 }, { sequence: 3 }));
  expect((await readStream(gateway.log, "s")).map(({ data }) => data)).toEqual(["r3"]);
});

describe("what can never be delivered is put aside with its reason and acknowledged", () => {
  test.each<[string, string, Buffer]>([
    ["malformed-envelope", recordsTopic("cam"), Buffer.from("garbage")],
    ["malformed-envelope", recordsTopic("cam"), Buffer.alloc(0)],
    ["corrupt-envelope", recordsTopic("cam"), flipped(envelope({ sequence: 1 }))],
    ["malformed-record", recordsTopic("cam"), envelope({ sequence: 1, bytes: Buffer.alloc(3) })],
    ["invalid-record", recordsTopic("cam"), envelope({ sequence: 1, stream: "not a name" })],
    ["invalid-record", recordsTopic("cam"), envelope({ sequence: 1, partitionKey: "" })],
    ["invalid-record", recordsTopic("cam"), envelope({ sequence: 1, partitionKey: "x".repeat(257) })],
    ["invalid-record", recordsTopic("cam"), envelope({ sequence: 1, explicitHashKey: (2n ** 128n).toString() })],
    ["invalid-record", recordsTopic("cam"), envelope({ sequence: 1, explicitHashKey: "0x1" })],
    ["record-too-large", recordsTopic("cam"), envelope({ sequence: 1, data: Buffer.alloc(MEBIBYTE) })],
    ["record-too-large", "streams/s/k", Buffer.alloc(MEBIBYTE)],
    ["invalid-topic", "streams/s", Buffer.from("x")],
    ["invalid-topic", "streams/not a name/k", Buffer.from("x")],
    ["invalid-topic", "streams/s/%zz", Buffer.from("x")],
    ["invalid-topic", "headwater/1/cam/nonsense", Buffer.from("x")],
    ["unknown-topic", "tele/room/1", Buffer.from("x")],
  ])("%s on %s", async (reason, topic, payload) => {
    await publish(topic, payload);
    expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason, topic }]);
    expect(gateway.spool.records).toBe(0);
  });

  test("one bad record does not hold up the others of its envelope", async () => {
    await publish(recordsTopic("cam"), envelope({ sequence: 1 }, { sequence: 2, stream: "no name" }, { sequence: 3 }));
    expect((await readStream(gateway.log, "s")).map(({ data }) => data)).toEqual(["r1", "r3"]);
    expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason: "invalid-record", device: "cam" }]);
  });

  test("a record that just fits is taken", async () => {
    await publish(recordsTopic("cam"), envelope({ sequence: 1, data: Buffer.alloc(MEBIBYTE - 1) }));
    expect(await readDeadLetters(gateway.log)).toEqual([]);
  });

  test("a stream too many", async () => {
    for (let i = 0; i < 11; i++) await publish(`streams/s${i}/k`, Buffer.from("x"));
    expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason: "too-many-streams", stream: "s10" }]);
  });

  test("dead letters are bounded: the oldest go, and are counted", async () => {
    for (let i = 0; i < 40; i++) await publish(`unknown/${i}`, Buffer.alloc(64 * 1024));
    const kept = await readDeadLetters(gateway.log);
    expect(kept.length).toBeLessThan(18);
    expect(kept.at(-1)).toMatchObject({ topic: "unknown/39" });
    expect(await valueOf(gateway.metrics, "dead_letters_expired_total")).toBe(40 - kept.length);
  });
});

describe("what may not be is refused, and nothing after it is taken from that connection", () => {
  const hash = "$scrypt$…";
  const limited = () => new Session("cam", "cam", { name: "cam", hash, publish: ["streams/mine/#"] });
  const free = () => new Session("cam", "cam", { name: "cam", hash });
  const newer = Buffer.from(envelope({ sequence: 1 }));
  newer.writeUInt8(2, 2);

  test.each<[string, string, Buffer, Session]>([
    ["not-own-device", recordsTopic("other"), envelope({ sequence: 1 }), anonymous()],
    ["not-own-device", statusTopic("other"), Buffer.from("{}"), free()],
    ["not-own-device", recordsTopic("cam"), envelope({ sequence: 1 }), new Session("a b", undefined, undefined)],
    ["not-authorized", "streams/other/k", Buffer.from("x"), limited()],
    ["not-authorized", "tele/room", Buffer.from("x"), free()],
    ["not-authorized", "headwater/1/cam/down/ack", Buffer.from("x"), free()],
    ["reserved-topic", "$SYS/uptime", Buffer.from("x"), anonymous()],
    ["unsupported-version", recordsTopic("cam"), newer, anonymous()],
  ])("%s on %s", async (code, topic, payload, session) => {
    // Both are handed over before either is answered, as the broker does with what one read brings.
    const refused = publish(topic, payload, session);
    const next = publish("streams/mine/k", Buffer.from("later"), session);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(next).rejects.toBeInstanceOf(Refusal);
    expect(gateway.spool.records).toBe(0);
  });

  test("a record for a stream that the user may not write to is put aside; a permitted one is taken", async () => {
    await publish(recordsTopic("cam"), envelope({ sequence: 1, stream: "mine" }, { sequence: 2 }), limited());
    expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason: "not-allowed", stream: "s" }]);
    expect((await readStream(gateway.log, "mine")).map(({ data }) => data)).toEqual(["r1"]);
  });
});

test("a user's filters see the partition key as it is, however the topic spells it", async () => {
  const user = { name: "cam", hash: "$scrypt$…", publish: ["streams/s/hall/+", "streams/s/key"] };
  const session = new Session("cam", "cam", user);
  await publish("streams/s/hall%2F1", Buffer.from("a"), session);
  await publish("streams/s/%6Bey", Buffer.from("b"), session);
  expect((await readStream(gateway.log, "s")).map(({ data }) => data)).toEqual(["a", "b"]);
  await expect(publish("streams/s/hall/1%2F2", Buffer.from("c"), session)).rejects.toMatchObject({
    code: "not-authorized",
  });
});

test("a device's status is taken if it is well-formed, and its last-seen survives a restart", async () => {
  const status = { spoolRecords: 1, spoolBytes: 2, spoolBytesMax: 3, oldestMs: 4, dropped: { full: 5 } };
  await publish(statusTopic("cam"), Buffer.from(JSON.stringify({ ...status, later: true })));
  await publish(statusTopic("cam"), Buffer.from("{"));
  await publish(statusTopic("cam"), Buffer.from(JSON.stringify({ ...status, spoolBytes: -1 })));
  await publish(statusTopic("cam"), Buffer.alloc(20_000, " "));
  expect(gateway.devices.list(10)).toMatchObject([{ device: "cam", connected: true, status }]);
  expect(await valueOf(gateway.metrics, "publishes_refused_total")).toBe(3);
  await gateway.devices.save();
  disk = disk.powerOn();
  gateway = await openSpool(disk);
  expect(gateway.devices.list(10)).toMatchObject([{ device: "cam", connected: false, lastSeenMs: 1_700_000_000_000 }]);
});

test("a full spool holds messages back, ends the connection after a while, and takes them again when there is room", async () => {
  gateway = await openSpool(new RamDisk(), { bytesMax: 2000, waitMs: 20 });
  await publish("streams/s/k", Buffer.alloc(1500));
  const session = anonymous();
  const refused = publish("streams/s/k", Buffer.alloc(1500), session);
  const small = publish("streams/s/k", Buffer.alloc(1), session);
  await expect(refused).rejects.toMatchObject({ code: "spool-full" });
  await expect(small, "nothing overtakes what was refused").rejects.toMatchObject({ code: "spool-full" });
  const other = publish("streams/s/k", Buffer.alloc(1400));
  gateway.spool.streams.get("s")?.release(1);
  await gateway.spool.sweep();
  await other;
  expect(gateway.spool.room.isFull).toBe(false);
});

test("a disk that is low takes nothing, dead letters neither: what is left is for emptying the spool", async () => {
  gateway = await openSpool(new RamDisk(), { waitMs: 20 });
  gateway.spool.room.setDiskLow(true);
  await expect(publish("streams/s/k", Buffer.from("x"))).rejects.toMatchObject({ code: "spool-full" });
  await expect(publish("nowhere", Buffer.from("x"))).rejects.toMatchObject({ code: "spool-full" });
  await expect(publish(recordsTopic("cam"), Buffer.from("x"))).rejects.toMatchObject({ code: "spool-full" });
  gateway.spool.room.setDiskLow(false);
  const held = publish("nowhere", Buffer.from("x"));
  gateway.spool.room.poke();
  await held;
  expect(await readDeadLetters(gateway.log)).toMatchObject([{ reason: "unknown-topic" }]);
});

test.each(["ENOSPC", "EIO"] as const)(
  "%s: no acknowledgement; the next connection is served when it is over",
  async (failure) => {
    await publish(recordsTopic("cam"), envelope({ sequence: 1 }));
    disk.failure = failure;
    const session = anonymous();
    const failed = publish(recordsTopic("cam"), envelope({ sequence: 2 }), session);
    const behind = publish(recordsTopic("cam"), envelope({ sequence: 3 }), session);
    await expect(failed).rejects.toMatchObject({ code: failure === "ENOSPC" ? "disk-full" : "disk-failed" });
    await expect(behind).rejects.toBeInstanceOf(Refusal);
    disk.failure = undefined;
    await expect(publish(recordsTopic("cam"), envelope({ sequence: 3 }), session)).rejects.toBeInstanceOf(Refusal);
    await publish(recordsTopic("cam"), envelope({ sequence: 2 }, { sequence: 3 }));
    expect((await readStream(gateway.log, "s")).map(({ data }) => data)).toEqual(["r1", "r2", "r3"]);
  },
);

test("any bytes on any topic: taken, put aside or refused, but never a crash", async () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const mutated = fc.tuple(fc.nat(200), fc.nat(255)).map(([at, value]) => {
    const copy = Buffer.from(envelope({ sequence: 1 }, { sequence: 2 }));
    copy.writeUInt8(value, at % copy.length);
    return copy;
  });
  const topic = fc.oneof(
    fc.constantFrom(recordsTopic("cam"), statusTopic("cam")),
    fc.string().map((text) => `streams/${text}`),
  );
  await fc.assert(
    fc.asyncProperty(topic, fc.oneof(bytes, mutated), async (topic, payload) => {
      await publish(topic, Buffer.from(payload)).catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.cause !== undefined) throw error;
      });
    }),
    { numRuns: 300 },
  );
  expect(gateway.troubles).toEqual([]);
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(60) ^ 1, 60);
  return copy;
}
