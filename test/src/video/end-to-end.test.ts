import { sliceUnitsOf } from "@headwater/protocol/h264";
import { expect, onTestFinished, test } from "vitest";
import { sumOf } from "../harness/metrics.js";
import { isFull, Random } from "../harness/random.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { type ArchivedFragment, fragmentsOf, type JournaledPiece } from "./camera-archive.js";
import { marksOf } from "./camera-barcode.js";
import { CameraChain, md5Of, md5sOf, STREAM } from "./camera-chain.js";
import { probeHls, slicesByGStreamer } from "./hls-recording.js";

async function start(): Promise<CameraChain> {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return await CameraChain.start(scope);
}

/** Each fragment that the device stored is in the cloud once, whole, for every reader, and nothing else is. */
async function expectAll({ clients, recordedUrl }: Delivered, archived: readonly ArchivedFragment[]): Promise<void> {
  expect(archived.every(({ isEnded }) => isEnded)).toBe(true);
  const listed = await clients.list(STREAM);
  expect(new Set(listed.map(({ FragmentNumber }) => FragmentNumber)).size).toBe(archived.length);
  const read = await clients.read(STREAM, listed.length);
  // Live goes before what was held up.
  const inTime = read.toSorted((a, b) => a.producerMs - b.producerMs);
  expect(inTime.map(({ frames }) => frames.map(md5Of))).toEqual(archived.map(md5sOf));
  const { video, pictures, complaints } = probeHls(recordedUrl);
  expect(video.map(({ md5 }) => md5)).toEqual(archived.flatMap(md5sOf));
  expect({ pictures, complaints }).toEqual({ pictures: video.length, complaints: "" });
  const slices = archived.flatMap(({ frames }) => frames.flatMap(({ data }) => sliceUnitsOf(data, 4).map(md5Of)));
  expect(slicesByGStreamer(recordedUrl)).toEqual(slices);
}

type Delivered = Pick<CameraChain, "clients"> & { readonly recordedUrl: string };

test("a camera on the network: every frame that the device spooled comes out of GetMedia and HLS, in order", async () => {
  const chain = await start();
  await chain.frames(130);
  const archived = await chain.delivered();
  expect(archived.length).toBeGreaterThan(2);
  await expectAll({ clients: chain.clients, recordedUrl: await chain.recordedUrl() }, archived);
});

test("kills of device, gateway and cloud: every fragment that was committed arrives once, and a gap is counted", async () => {
  const random = Random.announced("video crash test");
  const chain = await start();
  const { cloud, device, gateway } = chain;
  await chain.frames(30);
  const deaths: Death[] = [];
  for (let round = 0; round < (isFull ? 4 : 1); round++) {
    for (const victim of random.shuffled([cloud, device, gateway])) {
      await chain.moreFrames(random.between(0, 20));
      if (victim === device) deaths.push(await killDevice(chain, deaths.at(-1)?.journal.length ?? 0));
      else {
        await victim.kill("SIGKILL");
        await chain.moreFrames(random.between(0, 60));
        await victim.restart();
      }
    }
  }
  if (isFull) {
    await gateway.kill("SIGKILL");
    await chain.moreFrames(20 * 30);
    await gateway.restart();
  }
  await chain.moreFrames(20);

  const archived = await chain.delivered();
  await expectAll({ clients: chain.clients, recordedUrl: await chain.recordedUrl() }, archived);
  for (const { journal, gapMs } of deaths) {
    expect(fragmentsOf(journal).length).toBeGreaterThan(0);
    // The device looks at its clock twice.
    expect(Math.abs(gapMs - gapBehind(archived, fragmentsOf(journal).length))).toBeLessThan(50);
  }
  // Each capture numbers its frames anew, and within it none is missing.
  const numbers = marksOf(
    archived[0]?.tracks[0]?.codecPrivate ?? Buffer.of(),
    archived.flatMap(({ frames }) => frames.map(({ data }) => data)),
  ).map(({ frameNumber }) => frameNumber);
  const breaks = numbers.filter((number, i) => i > 0 && number !== numbers[i - 1]! + 1);
  expect(breaks).toHaveLength(deaths.length);
  // An outage of 20 s leaves more than may go live.
  const late = sumOf(await gateway.metrics(), /^headwater_gateway_video_fragments_persisted_total\{lane="backfill"\}/);
  expect(late).toBeGreaterThanOrEqual(isFull ? 3 : 0);
}, 300_000);

interface Death {
  /** All that the device had stored. */
  readonly journal: readonly JournaledPiece[];
  /** What it counted as lost when it was there again. */
  readonly gapMs: number;
}

/** @param journaled pieces that were there when the device started. */
async function killDevice(chain: CameraChain, journaled: number): Promise<Death> {
  // Before its first piece is stored, there is nothing behind which a gap could be.
  const stored = await until("a stored piece", async () => (await chain.ofCamera("stored_pieces_total")) || undefined);
  await chain.device.kill("SIGKILL");
  const journal = await chain.journaled();
  expect(journal.length).toBeGreaterThanOrEqual(journaled + stored);
  await chain.device.restart();
  const gapS = await until(
    () => `frames, and the gap before them to be counted\n${chain.device.child.describe()}`,
    async () => (await chain.ofCamera("restart_gap_seconds_total")) || undefined,
  );
  return { journal, gapMs: gapS * 1000 };
}

/** The time between the last frame of so many fragments and the first of the next. */
function gapBehind(archived: readonly ArchivedFragment[], count: number): number {
  const [before, after] = [archived[count - 1], archived[count]];
  if (before === undefined || after === undefined) throw new Error(`no fragment behind ${count} of ${archived.length}`);
  return after.capturedMs - before.capturedMs - Math.max(...before.frames.map(({ timeMs }) => timeMs));
}
