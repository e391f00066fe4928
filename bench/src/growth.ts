import { statfs } from "node:fs/promises";
import { loadavg } from "node:os";
import { GrowingCloud, PUTS } from "./growth/growing-cloud.js";
import {
  type GrowthFigures,
  growthLine,
  growthTable,
  type LoadFigures,
  type PeerFigures,
  type StartFigures,
} from "./growth/growth-report.js";
import { rssBytes } from "./growth/rss.js";
import { describeMachine } from "./machine.js";
import { measure } from "./measure.js";
import { spreadOf } from "./median.js";
import { startPeers } from "./peers.js";
import { onStream, Stage } from "./stage.js";

// What do shards and retained records cost: memory, throughput, and time to start? `npm run bench -- growth`; about four
// minutes, and up to 8 GB of disk.

const SHARDS = [1, 16, 256];
/** Of these the figures are taken again, on a stream of 16 shards and on one of 256. */
const RETAINED_BYTES = [1e9, 5e9];
const GROWING_SHARDS = [16, 256];
const DISK_BYTES = 8e9;
const READY_MS_MAX = 2_000;
const STARTS = 3;
const LOAD_MS = 4_000;
/** For all filling: a disk that takes less in this time is measured with what it took. */
const FILL_MS_MAX = 170_000;
const KILLED_AFTER_MS = 3_000;
/** A peer is stopped well before it could fill the memory. */
const PEER_BYTES = 300e6;
const PEER_MS_MAX = 30_000;

const [loadBefore = Number.NaN] = loadavg();
const stage = await Stage.set();
try {
  const { bavail, bsize } = await statfs(stage.data);
  if (bavail * bsize < DISK_BYTES * 1.25)
    throw new Error(`${(bavail * bsize) / 1e9} GB are free beside the sources; this bench wants ${DISK_BYTES / 1e9}`);
  const loads: LoadFigures[] = [];
  const starts: StartFigures[] = [];
  let fillMsLeft = FILL_MS_MAX;
  for (const shards of SHARDS) {
    const cloud = new GrowingCloud(stage, shards);
    await cloud.start();
    await cloud.makeStream();
    loads.push(await underLoad(cloud));
    if (GROWING_SHARDS.includes(shards)) {
      // What the first ones do not need is left to the last.
      const fillMsMax = shards === GROWING_SHARDS.at(-1) ? fillMsLeft : FILL_MS_MAX / GROWING_SHARDS.length;
      const began = performance.now();
      for (const retained of RETAINED_BYTES) {
        await fill(cloud, retained, began + fillMsMax);
        loads.push(await underLoad(cloud));
      }
      fillMsLeft -= performance.now() - began;
      starts.push(await startsOf(cloud, "SIGTERM"), await startsOf(cloud, "SIGKILL amid writing"));
    }
    await cloud.remove();
  }
  const figures: GrowthFigures = { loads, starts, peers: await inMemory() };
  const machine = { ...describeMachine(stage.data), loadBefore };
  const report = { ...figures, readyMsMax: READY_MS_MAX, machine };
  process.stdout.write(`${growthTable(report)}\n${growthLine(report, PUTS)}\n`);
} finally {
  await stage.end();
}

async function underLoad(cloud: GrowingCloud): Promise<LoadFigures> {
  const { shards } = cloud;
  const diskBytes = await cloud.diskBytes();
  say(`${shards} shards, ${(diskBytes / 1e9).toFixed(2)} GB: load`);
  const { recordsPerSecond, cpuUsPerRecord, callMsP99 } = await cloud.put(LOAD_MS);
  return { shards, diskBytes, recordsPerSecond, cpuUsPerRecord, callMsP99, rssBytes: cloud.rssBytes };
}

async function fill(cloud: GrowingCloud, retainedBytes: number, deadline: number): Promise<void> {
  say(`${cloud.shards} shards: filling to ${retainedBytes / 1e9} GB`);
  while ((await cloud.diskBytes()) < retainedBytes && performance.now() < deadline) await cloud.put(LOAD_MS);
}

async function startsOf(cloud: GrowingCloud, after: StartFigures["after"]): Promise<StartFigures> {
  const { shards } = cloud;
  const measured = [];
  for (let start = 0; start < STARTS; start++) {
    say(`${shards} shards: start after ${after}, ${start + 1} of ${STARTS}`);
    if (after === "SIGTERM") {
      await cloud.settled();
      await cloud.stop();
    } else {
      await cloud.killAmidWriting(KILLED_AFTER_MS);
    }
    const readyMs = await cloud.start();
    const { cpuMs } = cloud;
    const first = await cloud.firstCalls();
    measured.push({ readyMs, cpuMs, ...first, rss: cloud.rssBytes, disk: await cloud.diskBytes() });
  }
  return {
    shards,
    after,
    diskBytes: spreadOf(measured.map(({ disk }) => disk)).median,
    readyMs: spreadOf(measured.map(({ readyMs }) => readyMs)),
    readyCpuMs: spreadOf(measured.map(({ cpuMs }) => cpuMs)),
    firstPutMs: spreadOf(measured.map(({ putMs }) => putMs)),
    firstGetMs: spreadOf(measured.map(({ getMs }) => getMs)),
    rssBytes: spreadOf(measured.map(({ rss }) => rss)).median,
  };
}

/** A peer that keeps its records in memory, which is how it starts unless it is told otherwise. */
async function inMemory(): Promise<PeerFigures[]> {
  const figures: PeerFigures[] = [];
  for (const { what, server } of await startPeers(stage, ["kinesalite"], "memory")) {
    say(`${what}: filling to ${PEER_BYTES / 1e9} GB`);
    await onStream(server, 16, async (target) => {
      const rssBeforeBytes = rssBytes(server.pid);
      const deadline = performance.now() + PEER_MS_MAX;
      let retainedBytes = 0;
      while (retainedBytes < PEER_BYTES && performance.now() < deadline) {
        const { recordsPerSecond } = await measure({ ...PUTS, target, warmUpMs: 0, measureMs: LOAD_MS }, server.pid);
        retainedBytes += ((recordsPerSecond * LOAD_MS) / 1000) * PUTS.recordBytes;
      }
      figures.push({ what: `${what}, 16 shards`, retainedBytes, rssBeforeBytes, rssBytes: rssBytes(server.pid) });
    });
  }
  return figures;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
