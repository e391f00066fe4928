import { createHash } from "node:crypto";
import {
  type Ack,
  type MediaPart,
  matroskaBody,
  putMedia,
  PutMediaError,
  type PutMediaOptions,
} from "@headwater/gateway/put-media";
import type { WrittenTrack } from "@headwater/protocol/matroska";
import { expect, onTestFinished, test } from "vitest";
import { credentials, region } from "../harness/credentials.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { VideoClients } from "./cloud-reader.js";

const tracks: WrittenTrack[] = [
  {
    number: 1,
    type: "video",
    codecId: "V_MPEG4/ISO/AVC",
    codecPrivate: Buffer.from("0142c01effe100", "hex"),
    language: "und",
    video: { width: 320, height: 240 },
  },
];

/** To compare many bytes quickly. */
function digestOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

function framesOf(timecodeMs: number): Buffer[] {
  // The first is larger than what a socket takes at once.
  return [0, 1, 2].map((n) => Buffer.alloc(n === 0 ? 300_000 : 2_000, `${timecodeMs}/${n} `));
}

function* fragment(timecodeMs: number): Generator<MediaPart> {
  yield { kind: "fragment", timecodeMs };
  for (const [n, data] of framesOf(timecodeMs).entries())
    yield { kind: "frame", track: 1, relativeTimecode: n * 300, isKey: n === 0, data };
  yield { kind: "fragmentEnd" };
}

test("what the client puts is acknowledged while it goes on, and comes back as it was", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream("camera");
  const startMs = Date.now() - 10_000;
  const times = [0, 1, 2, 3].map((n) => startMs + n * 1_000);
  let persisted: (() => void) | undefined;
  async function* parts(): AsyncGenerator<MediaPart> {
    for (const time of times) {
      const isPersisted = new Promise<void>((resolve) => (persisted = resolve));
      yield* fragment(time);
      // The next begins when this one is safe: neither side waits for the end of the other's half.
      await isPersisted;
    }
  }
  const acks: Ack[] = [];
  const options = { endpoint: cloud.url, region, credentials, streamName: "camera" };
  for await (const ack of putMedia(options, matroskaBody({ tracks, writingApp: "test" }, parts()))) {
    if (ack.event === "IDLE") continue;
    acks.push(ack);
    if (ack.event === "PERSISTED") persisted?.();
  }
  const steps = ["BUFFERING", "RECEIVED", "PERSISTED"] as const;
  const events = times.flatMap((fragmentTimecodeMs) => steps.map((event) => ({ event, fragmentTimecodeMs })));
  expect(acks).toMatchObject(events);
  const read = await clients.read("camera", times.length);
  expect(read.map(({ producerMs }) => producerMs)).toEqual(times);
  expect(read.map(({ frames }) => frames.map(digestOf))).toEqual(times.map((time) => framesOf(time).map(digestOf)));
  expect(read.map(({ number }) => ({ event: "PERSISTED", fragmentNumber: number }))).toMatchObject(
    acks.flatMap((ack) =>
      ack.event === "PERSISTED" ? [{ event: ack.event, fragmentNumber: ack.fragmentNumber }] : [],
    ),
  );
});

async function* noise(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from("<html>this is no Matroska</html>"));
}

function put(options: PutMediaOptions): Promise<PutMediaError | undefined> {
  return collect(putMedia(options, noise()), []);
}

test("the client tells what the cloud refuses, and what it takes offence at", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream("camera");
  const options = { endpoint: cloud.url, region, credentials, streamName: "camera" };
  expect(await put({ ...options, streamName: "absent" })).toMatchObject({
    code: "refused",
    status: 404,
    type: "ResourceNotFoundException",
  });
  const forged = { ...credentials, secretAccessKey: "wrong" };
  expect(await put({ ...options, credentials: forged, dataEndpoint: cloud.url })).toMatchObject({
    code: "refused",
    isRetriable: false,
  });
  const acks: Ack[] = [];
  const failure = await collect(putMedia(options, noise()), acks);
  expect(acks).toMatchObject([{ event: "ERROR", errorId: 4006 }]);
  // Whether the body had ended before the cloud took offence is anybody's guess.
  expect([undefined, "interrupted"]).toContain(failure?.code);
});

/** @returns what it ended with, if not well. */
async function collect(from: AsyncIterable<Ack>, into: Ack[]): Promise<PutMediaError | undefined> {
  try {
    for await (const ack of from) into.push(ack);
    return undefined;
  } catch (error) {
    if (error instanceof PutMediaError) return error;
    throw error;
  }
}
