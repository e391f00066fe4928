import {
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLCommandInput,
} from "@aws-sdk/client-kinesis-video-archived-media";
import { encodePiece, encodeVideoEnvelope, lanes, videoClientId, videoTopic } from "@headwater/protocol";
import { expect, onTestFinished, test } from "vitest";
import { gaugeOf } from "../harness/metrics.js";
import { connectMqtt } from "../harness/mqtt.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { TcpProxy } from "../harness/tcp-proxy.js";
import { until } from "../harness/until.js";
import { VideoClients } from "./cloud-reader.js";

const DEVICE = "cam";
const STREAM = "door";
/** What waits for longer in the gateway is late. */
const LIVE_MS_MAX = 5_000;
const SPOOL_ID = "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d";
const track = {
  number: 1,
  type: "video",
  codecId: "V_MPEG4/ISO/AVC",
  codecPrivate: Buffer.from("0142c01fffe100096742c01fda01405b2001000468ce3c80", "hex"),
  language: "und",
  video: { width: 160, height: 160 },
} as const;

/** A fragment of one second in two pictures, in one message. */
function messageOf(fragment: number, producerMs: number): Buffer {
  const slices = [0, 500].map((timeMs) => {
    const unit = Buffer.from(`\0\0\0\x14${timeMs === 0 ? "e" : "A"}picture ${String(producerMs + timeMs).slice(-11)}`);
    return { track: 1, isKey: timeMs === 0, timeMs, frameBytes: unit.length, offset: 0, data: unit };
  });
  const common = { stream: STREAM, fragment, index: 0, isLast: true, clockUnsynchronised: false, producerMs };
  const piece = encodePiece({ ...common, tracks: [track], slices });
  return encodeVideoEnvelope({ spoolId: SPOOL_ID, lane: lanes.videoLive, sequence: fragment, piece });
}

test("after an outage live goes on at once, and what was late arrives in order, for those who look back", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const cloud = await startCloud(scope);
  const link = await TcpProxy.start(scope, Number(new URL(cloud.url).port));
  const gateway = await startGateway(scope, `http://127.0.0.1:${link.port}`, { flags: { "create-streams": true } });
  const clients = new VideoClients(scope, cloud.url);
  const startMs = Date.now() - 20_000;
  const times = Array.from({ length: 9 }, (_, n) => startMs + n * 1000);
  const camera = await connectMqtt(scope, gateway.address("mqtt"), videoClientId(DEVICE));
  const capture = async (...fragments: readonly number[]): Promise<void> => {
    for (const n of fragments) await camera.publish(videoTopic(DEVICE), messageOf(n, times[n] ?? 0));
  };
  const namesOf = (fragments: readonly { producerMs: number }[]): number[] =>
    fragments.map(({ producerMs }) => times.indexOf(producerMs));
  const delivered = async (count: number): Promise<void> => {
    await until(`${count} fragments`, async () => (await clients.list(STREAM).catch(() => [])).length >= count);
  };
  /** Of the segments that a session lists, which fragments they are. */
  const listed = async (input: Omit<GetHLSStreamingSessionURLCommandInput, "StreamName">): Promise<number[]> => {
    const { HLSStreamingSessionURL: url = "" } = await clients.archived.send(
      new GetHLSStreamingSessionURLCommand({ StreamName: STREAM, DisplayFragmentTimestamp: "ALWAYS", ...input }),
    );
    const [media = ""] = (await (await fetch(url)).text()).match(/^getHLSMediaPlaylist.*$/m) ?? [];
    const text = await (await fetch(new URL(media, url))).text();
    const byNumber = new Map((await clients.list(STREAM)).map((one) => [one.FragmentNumber, one.ProducerTimestamp]));
    return [...text.matchAll(/^getMP4MediaFragment.*FragmentNumber=(\d+)$/gm)].map(([, number]) =>
      times.indexOf(byNumber.get(number)?.getTime() ?? 0),
    );
  };

  await capture(0, 1);
  await delivered(2);
  const now = clients.read(STREAM, 4, { StartSelectorType: "NOW" });
  await until("the viewer", async () => (await cloud.metrics()).get("headwater_cloud_video_readers") === 1);
  link.cut();
  await capture(2, 3, 4, 5, 6);
  const heldMs = performance.now();
  await until("them to be late", () => performance.now() - heldMs > LIVE_MS_MAX + 500);
  link.restore();
  // The newest is live, however late.
  await until("the newest", async () =>
    (await clients.list(STREAM)).some(({ ProducerTimestamp }) => ProducerTimestamp?.getTime() === times[6]),
  );
  await capture(7, 8);
  await delivered(times.length);

  expect(namesOf(await now), "GetMedia from NOW").toEqual([1, 6, 7, 8]);
  const all = namesOf(await clients.read(STREAM, times.length));
  expect(
    all.filter((n) => n >= 2 && n <= 5),
    "GetMedia from EARLIEST",
  ).toEqual([2, 3, 4, 5]);
  expect(all.toSorted((a, b) => a - b)).toEqual(times.map((_, n) => n));
  const byTime = { FragmentSelectorType: "PRODUCER_TIMESTAMP" } as const;
  const live = { PlaybackMode: "LIVE", MaxMediaPlaylistFragmentResults: 100 } as const;
  expect(await listed({ ...live, HLSFragmentSelector: byTime }), "LIVE by producer time").toEqual([0, 1, 6, 7, 8]);
  expect(await listed(live), "LIVE by server time").toEqual([0, 1, 6, 7, 8]);
  const TimestampRange = { StartTimestamp: new Date(startMs), EndTimestamp: new Date() };
  expect(
    await listed({ PlaybackMode: "ON_DEMAND", HLSFragmentSelector: { ...byTime, TimestampRange } }),
    "ON_DEMAND by producer time",
  ).toEqual(times.map((_, n) => n));
  expect(gaugeOf(await gateway.metrics(), /^headwater_gateway_video_fragments_waiting\{/)).toBe(0);
});
