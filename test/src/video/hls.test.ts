import {
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLInput,
} from "@aws-sdk/client-kinesis-video-archived-media";
import { expect, onTestFinished, test } from "vitest";
import { ConsolePage, startBrowser } from "../console/console-page.js";
import type { Part } from "../harness/part.js";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { CloudProducer } from "./cloud-producer.js";
import { VideoClients } from "./cloud-reader.js";
import { HlsPage } from "./hls-page.js";
import { type Packet, probeHls, record, recordLive, type Recording } from "./hls-recording.js";

const STREAM = "camera";

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

test("what ffmpeg wrote comes back through HLS: every frame's data, at its time", async () => {
  const { url, replayUrl, recording } = await recorded(newScope());
  const { video, audio, pictures, complaints } = probeHls(url);
  expect({ pictures, complaints }).toEqual({ pictures: 10 * 25, complaints: "" });
  expect(video.map(({ md5 }) => md5)).toEqual(recording.video.map(({ md5 }) => md5));
  expect(audio.map(({ md5 }) => md5)).toEqual(recording.audio.map(({ md5 }) => md5));
  expect(offByMs(recording.video, video)).toBeLessThan(0.1);
  // Milliseconds cannot say where a frame of sound begins (docs/reference/fragmented-mp4.md).
  expect(offByMs(recording.audio, audio)).toBeLessThan(2);
  expect(probeHls(replayUrl).video.map(({ md5 }) => md5)).toEqual(recording.video.map(({ md5 }) => md5));
});

test("a browser plays a session from its beginning to its end without a stall", async () => {
  const scope = newScope();
  const { url, startMs } = await recorded(scope);
  const player = await HlsPage.open(scope, url);
  await player.until("it to end", ({ ended }) => ended);
  const { currentTime, stalls, pictures, failure } = await player.state();
  expect({ stalls, failure }).toEqual({ stalls: 0, failure: null });
  expect(currentTime - startMs / 1000).toBeGreaterThan(9.9);
  expect(pictures).toBeGreaterThan(200);
});

test("a browser follows what is live, and so does the console", async () => {
  const scope = newScope();
  const { cloud, clients } = await newStream(scope);
  const producer = await CloudProducer.open(scope, cloud.url, STREAM);
  recordLive(scope, (bytes) => producer.send(bytes));
  await producer.ack("PERSISTED");
  const HLSFragmentSelector = { FragmentSelectorType: "PRODUCER_TIMESTAMP" } as const;
  const player = await HlsPage.open(scope, await sessionUrl(clients, { PlaybackMode: "LIVE", HLSFragmentSelector }));
  const { currentTime: from } = await player.until("it to play", ({ currentTime }) => currentTime > 0);
  const { failure } = await player.until("five seconds to be played", ({ currentTime }) => currentTime > from + 5);
  expect(failure).toBeNull();
  expect(player.partsAsked).toBeGreaterThan(5);
  const { page, complaints } = await ConsolePage.open(await startBrowser(scope), cloud.url);
  await page.getByRole("heading", { name: "Live video" }).waitFor();
  const position = (): Promise<number> => page.evaluate("document.querySelector('video').currentTime");
  const first = await until("the console to play", async () => (await position()) || undefined);
  await until("two seconds to be played", async () => (await position()) > first + 2);
  expect(complaints).toEqual([]);
});

test("what a device films plays in a browser, through gateway and cloud", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const gateway = await startGateway(scope, cloud.url, { flags: { "create-streams": true } });
  await startDevice(scope, {
    id: "pi-1",
    gateway: gateway.address("mqtt"),
    cameras: [{ stream: STREAM, source: "test-pattern", width: 640, height: 360 }],
    hostSensor: { enabled: false },
  });
  const HLSFragmentSelector = { FragmentSelectorType: "PRODUCER_TIMESTAMP" } as const;
  const clients = new VideoClients(scope, cloud.url);
  const url = await until("the stream to be live", () => {
    return sessionUrl(clients, { PlaybackMode: "LIVE", HLSFragmentSelector });
  });
  const player = await HlsPage.open(scope, url);
  const { currentTime: from } = await player.until("it to play", ({ currentTime }) => currentTime > 0);
  const { failure } = await player.until("six seconds to be played", ({ currentTime }) => currentTime > from + 6);
  expect(failure).toBeNull();
  expect(player.partsAsked).toBeGreaterThan(5);
});

async function newStream(scope: Scope): Promise<{ cloud: Part; clients: VideoClients }> {
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream(STREAM);
  return { cloud, clients };
}

interface Recorded {
  /** A session of all fragments, and one that replays them. */
  readonly url: string;
  readonly replayUrl: string;
  readonly recording: Recording;
  readonly startMs: number;
}

/** Ten fragments in a new cloud. */
async function recorded(scope: Scope): Promise<Recorded> {
  const { cloud, clients } = await newStream(scope);
  const startMs = Date.now() - 60_000;
  const recording = record(10, startMs);
  const producer = await CloudProducer.open(scope, cloud.url, STREAM);
  await producer.send(recording.bytes);
  producer.end();
  await until("all fragments to be persisted", () => {
    return producer.acks.filter(({ EventType }) => EventType === "PERSISTED").length === 10;
  });
  const TimestampRange = { StartTimestamp: new Date(startMs - 1000), EndTimestamp: new Date() };
  const HLSFragmentSelector = { FragmentSelectorType: "PRODUCER_TIMESTAMP", TimestampRange } as const;
  const url = await sessionUrl(clients, { PlaybackMode: "ON_DEMAND", HLSFragmentSelector });
  const replay = { PlaybackMode: "LIVE_REPLAY", MaxMediaPlaylistFragmentResults: 100, HLSFragmentSelector } as const;
  return { url, replayUrl: await sessionUrl(clients, replay), recording, startMs };
}

async function sessionUrl(
  { archived }: VideoClients,
  input: Omit<GetHLSStreamingSessionURLInput, "StreamName">,
): Promise<string> {
  const command = new GetHLSStreamingSessionURLCommand({ StreamName: STREAM, ...input });
  const { HLSStreamingSessionURL: url = "" } = await archived.send(command);
  return url;
}

function offByMs(put: readonly Packet[], got: readonly Packet[]): number {
  return Math.max(...put.map(({ timeMs }, i) => Math.abs(timeMs - (got[i]?.timeMs ?? Infinity))));
}
