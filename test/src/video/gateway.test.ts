import { createHash } from "node:crypto";
import {
  encodePiece,
  encodeVideoEnvelope,
  lanes,
  type VideoPiece,
  videoClientId,
  videoTopic,
} from "@headwater/protocol";
import type { WrittenTrack } from "@headwater/protocol/matroska";
import { expect, onTestFinished, test } from "vitest";
import { gaugeOf, type Metrics, sumOf } from "../harness/metrics.js";
import { connectMqtt } from "../harness/mqtt.js";
import type { Part } from "../harness/part.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Random } from "../harness/random.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { VideoClients } from "./cloud-reader.js";

const DEVICE = "cam";
const STREAM = "door";
const SPOOL_ID = "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d";
const FRAGMENTS = 30;
const FRAMES = 4;
const KILLS = 6;
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

/** Large enough that the key frame takes two pieces. */
function frameOf(fragment: number, n: number): Buffer {
  return Buffer.alloc(n === 0 ? 100_000 : 5_000, `${fragment}/${n} `);
}

/** To compare many bytes quickly. */
function digestOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function piecesOf(fragment: number, producerMs: number): VideoPiece[] {
  const slices = Array.from({ length: FRAMES }, (_, n) => n).flatMap((n) => {
    const data = frameOf(fragment, n);
    const frame = { track: 1, isKey: n === 0, timeMs: n * 250, frameBytes: data.length };
    return [0, 65_536]
      .filter((offset) => offset < data.length)
      .map((offset) => ({ ...frame, offset, data: data.subarray(offset, offset + 65_536) }));
  });
  return [...slices.map((slice) => [slice]), []].map((of, index) => ({
    stream: STREAM,
    fragment,
    index,
    isLast: of.length === 0,
    clockUnsynchronised: false,
    producerMs,
    ...(index === 0 ? { tracks } : {}),
    slices: of,
  }));
}

/** Sends messages in order over one connection until all are acknowledged or it breaks. @returns how many were. */
async function send(
  gateway: Part,
  payloads: readonly Buffer[],
  onAcknowledged: (count: number) => Promise<void>,
): Promise<number> {
  const scope = new Scope();
  let acknowledged = 0;
  try {
    const connection = await connectMqtt(scope, gateway.address("mqtt"), videoClientId(DEVICE));
    for (const payload of payloads) {
      const published = connection.publish(videoTopic(DEVICE), payload);
      // With the next piece on its way.
      published.catch(() => undefined);
      await onAcknowledged(acknowledged);
      await published;
      acknowledged++;
    }
  } catch {
    // The gateway was killed: what was not acknowledged goes again.
  } finally {
    await scope.close();
  }
  return acknowledged;
}

/** What the gateway says of video, a line each. */
function videoSamples(metrics: Metrics): string[] {
  return [...metrics].filter(([sample]) => sample.includes("_video_")).map((pair) => pair.join(" "));
}

test("gateway and cloud are killed while pieces come in: every fragment arrives once, byte for byte", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const random = Random.announced("video gateway kills");
  const cloud = await startCloud(scope);
  const gateway = await startGateway(scope, cloud.url, { flags: { "create-streams": true } });
  const startMs = Date.now() - 60_000;
  const times = Array.from({ length: FRAGMENTS }, (_, n) => startMs + n * 1_000);
  const payloads = times
    .flatMap((time, n) => piecesOf(n, time))
    .map((piece, sequence) =>
      encodeVideoEnvelope({ spoolId: SPOOL_ID, lane: lanes.videoLive, sequence, piece: encodePiece(piece) }),
    );
  for (let sent = 0, kills = 0; sent < payloads.length;) {
    const killAt = random.between(2, 20);
    const victim = random.between(0, 1) === 0 ? gateway : cloud;
    const to = kills < KILLS ? sent + killAt + random.between(1, 10) : payloads.length;
    sent += await send(gateway, payloads.slice(sent, to), async (acknowledged) => {
      if (kills === KILLS || acknowledged !== killAt) return;
      kills++;
      await victim.kill("SIGKILL");
    });
    for (const part of [gateway, cloud]) if (part.child.exit !== undefined) await part.restart();
  }
  let metrics: Metrics = new Map();
  const described = (): string =>
    [...videoSamples(metrics), gateway.child.describe(), cloud.child.describe()].join("\n");
  await until(
    () => `the gateway to have nothing left\n${described()}`,
    async () => {
      metrics = await gateway.metrics();
      return (
        gaugeOf(metrics, /^headwater_gateway_video_fragments_waiting\{/) === 0 &&
        gaugeOf(metrics, /^headwater_gateway_video_spool_bytes\{/) === 0
      );
    },
  );
  expect(sumOf(await gateway.metrics(), /^headwater_gateway_(dead_letters|video_fragments_refused)_total/)).toBe(0);
  const clients = new VideoClients(scope, cloud.url);
  const listed = await clients.list(STREAM);
  expect(listed.map(({ ProducerTimestamp }) => ProducerTimestamp?.getTime() ?? 0).toSorted((a, b) => a - b)).toEqual(
    times,
  );
  const read = (await clients.read(STREAM, FRAGMENTS)).toSorted((a, b) => a.producerMs - b.producerMs);
  expect(read.map(({ frames }) => frames.map(digestOf))).toEqual(
    times.map((_, fragment) => Array.from({ length: FRAMES }, (__, n) => digestOf(frameOf(fragment, n)))),
  );
});
