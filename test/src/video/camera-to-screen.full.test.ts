import { expect, onTestFinished, test } from "vitest";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { marksAt } from "./camera-barcode.js";
import { CameraChain, md5Of, md5sOf, STREAM } from "./camera-chain.js";
import { probeHls } from "./hls-recording.js";
import { HlsPage } from "./hls-page.js";
import { PartFollower } from "./hls-parts.js";

const FRAMES = 20 * 30;

test("20 s of a camera on the network: what was spooled is what every reader gets, while a browser plays it", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const chain = await CameraChain.start(scope);
  // A player stays a segment and a half behind what is live: so much must be there for it to begin.
  await until("three fragments", async () => (await chain.clients.list(STREAM)).length >= 3);
  const live = await chain.liveUrl("SERVER_TIMESTAMP");
  const follower = new PartFollower(scope, await chain.liveUrl("PRODUCER_TIMESTAMP"));
  const player = await HlsPage.open(scope, live, "chromium");
  const { currentTime: from } = await player.until("it to play", ({ currentTime }) => currentTime > 0);
  // Beside it, ffmpeg plays the same URL.
  const { stderr } = await run(scope, ["ffmpeg", "-v", "error", "-i", live, "-t", "5", "-f", "null", "-"]);
  expect(stderr).toBe("");
  await chain.frames(FRAMES);
  const played = await player.until("15 seconds to be played", ({ currentTime }) => currentTime > from + 15);
  const shown = await player.frameNumbers();
  const archived = await chain.delivered();
  expect(follower.failure).toBeUndefined();

  const frames = archived.flatMap(md5sOf);
  expect(frames.length).toBeGreaterThanOrEqual(FRAMES);
  const listed = await chain.clients.list(STREAM);
  expect(listed).toHaveLength(archived.length);
  const read = await chain.clients.read(STREAM, listed.length);
  expect(read.map((fragment) => fragment.frames.map(md5Of))).toEqual(archived.map(md5sOf));

  const recorded = await chain.recordedUrl();
  const { video, complaints } = probeHls(recorded);
  expect(complaints).toBe("");
  expect(video.map(({ md5 }) => md5)).toEqual(frames);
  const numbers = marksAt(recorded).map(({ frameNumber }) => frameNumber);
  expect(numbers).toEqual(frames.map((_, i) => numbers[0]! + i));

  // Parts: of each fragment that was followed from its first to its last.
  const followed = read.filter(({ number }) => follower.fragments.get(number)?.isWhole);
  expect(followed.length).toBeGreaterThan(5);
  let parts = 0;
  for (const { number, frames: of } of followed) {
    const data = follower.fragments.get(number)?.parts.map((part) => part ?? Buffer.of()) ?? [];
    expect(md5Of(Buffer.concat(data)), `parts of ${number}`).toBe(md5Of(Buffer.concat(of)));
    parts += data.length;
  }
  expect(parts).toBeGreaterThan(5 * followed.length);

  expect(played).toMatchObject({ stalls: 0, failure: null });
  expect(shown).toEqual(shown.toSorted((a, b) => a - b));
  expect(new Set(shown).size).toBeGreaterThan(200);
}, 180_000);
