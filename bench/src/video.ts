import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CreateStreamCommand, KinesisVideoClient } from "@aws-sdk/client-kinesis-video";
import { GetMediaCommand, KinesisVideoMediaClient } from "@aws-sdk/client-kinesis-video-media";
import { type MediaPart, matroskaBody, putMedia } from "@headwater/gateway/put-media";
import { MatroskaReader } from "@headwater/protocol/matroska";
import { describeMachine } from "./machine.js";
import { quantile } from "./median.js";
import { startServer } from "./server-process.js";

// How long after the last byte of a fragment went into PutMedia does its last byte come out of GetMedia, and how long until
// it is PERSISTED? `npm run bench -- video`; about half a minute.

const LIMITS = { getMediaMsP50: 50, getMediaMsP99: 150 };
/** Four fragments a second of 4 Mbit/s, frames as a camera sends them. */
const SHAPE = { fragments: 120, framesPerFragment: 8, fragmentMs: 250, keyFrameBytes: 60_000, frameBytes: 9_300 };
const KEYS = { accessKeyId: "AKIDHEADWATERBENCH00", secretAccessKey: "headwater-bench-secret" };
const region = "us-east-1";
const StreamName = "camera";

const data = await mkdtemp(fileURLToPath(new URL("../.data-", import.meta.url)));
const headwater = fileURLToPath(new URL("../../cli/bin/headwater.js", import.meta.url));
const cloud = await startServer([headwater, "cloud", "--port", "0", "--data", data], {
  HEADWATER_ROOT_ACCESS_KEY: KEYS.accessKeyId,
  HEADWATER_ROOT_SECRET_KEY: KEYS.secretAccessKey,
});
process.once("exit", () => {
  cloud.kill();
  rmSync(data, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

const aws = { endpoint: cloud.url, region, credentials: KEYS };
const control = new KinesisVideoClient(aws);
await control.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 1 }));
control.destroy();

/** By a fragment's timecode, the time at which its last byte was handed to the connection. */
const sentMs = new Map<number, number>();
const getMediaMs: number[] = [];
const persistedMs: number[] = [];

const reading = readAll();
const startMs = Date.now();
for await (const ack of putMedia({ ...aws, streamName: StreamName }, matroskaBody(document(), parts()))) {
  if (ack.event === "PERSISTED")
    persistedMs.push(performance.now() - (sentMs.get(ack.fragmentTimecodeMs) ?? Number.NaN));
  if (ack.event === "ERROR") throw new Error(ack.errorCode);
}
await reading;
await cloud.stop();

const figures = {
  getMediaMsP50: quantile(getMediaMs, 0.5),
  getMediaMsP99: quantile(getMediaMs, 0.99),
  persistedMsP50: quantile(persistedMs, 0.5),
  persistedMsP99: quantile(persistedMs, 0.99),
};
const machine = describeMachine(data);
const row = (what: string, p50: number, p99: number): string =>
  `${what.padEnd(52)}${p50.toFixed(1).padStart(10)}${p99.toFixed(1).padStart(10)}`;
process.stdout.write(
  `${[
    `${"from the last byte of a fragment into PutMedia to".padEnd(52)}${"p50 ms".padStart(10)}${"p99 ms".padStart(10)}`,
    row("its last byte out of GetMedia", figures.getMediaMsP50, figures.getMediaMsP99),
    row("  to reach", LIMITS.getMediaMsP50, LIMITS.getMediaMsP99),
    row("its PERSISTED", figures.persistedMsP50, figures.persistedMsP99),
    `${getMediaMs.length} fragments of ${SHAPE.fragmentMs} ms, ${fragmentBytes()} bytes each, at the pace of a camera; the clients share the cores`,
    `commit ${machine.commit}, Node ${machine.node}, ${machine.cores} cores of ${machine.cpu}, data on ${machine.disk}`,
    JSON.stringify({ bench: "video", ...figures, limits: LIMITS, shape: SHAPE, ...machine }),
  ].join("\n")}\n`,
);

function document(): Parameters<typeof matroskaBody>[0] {
  const codecPrivate = Buffer.from("0142c01effe100", "hex");
  const video = { width: 1280, height: 720 };
  const track = { number: 1, type: "video", codecId: "V_MPEG4/ISO/AVC", codecPrivate, language: "und", video } as const;
  return { tracks: [track], writingApp: "headwater bench" };
}

async function* parts(): AsyncGenerator<MediaPart> {
  const frameMs = SHAPE.fragmentMs / SHAPE.framesPerFragment;
  for (let n = 0; n < SHAPE.fragments; n++) {
    const timecodeMs = startMs + n * SHAPE.fragmentMs;
    yield { kind: "fragment", timecodeMs };
    for (let frame = 0; frame < SHAPE.framesPerFragment; frame++) {
      const dueMs = timecodeMs + frame * frameMs;
      await new Promise((resolve) => setTimeout(resolve, dueMs - Date.now()));
      const data = Buffer.alloc(frame === 0 ? SHAPE.keyFrameBytes : SHAPE.frameBytes, n);
      yield { kind: "frame", track: 1, relativeTimecode: Math.round(frame * frameMs), isKey: frame === 0, data };
    }
    sentMs.set(timecodeMs, performance.now());
    yield { kind: "fragmentEnd" };
  }
}

function fragmentBytes(): number {
  return SHAPE.keyFrameBytes + (SHAPE.framesPerFragment - 1) * SHAPE.frameBytes;
}

/** Notes when each fragment's last tag is there. */
async function readAll(): Promise<void> {
  const media = new KinesisVideoMediaClient(aws);
  const StartSelector = { StartSelectorType: "EARLIEST" } as const;
  const { Payload } = await media.send(new GetMediaCommand({ StreamName, StartSelector }));
  const reader = new MatroskaReader();
  let timecodeMs = 0;
  for await (const bytes of Payload as AsyncIterable<Uint8Array>) {
    for (const event of reader.push(bytes)) {
      if (event.kind === "cluster") timecodeMs = event.timecodeMs;
      if (event.kind !== "tag" || event.name !== "AWS_KINESISVIDEO_CONTINUATION_TOKEN") continue;
      getMediaMs.push(performance.now() - (sentMs.get(timecodeMs) ?? Number.NaN));
    }
    if (getMediaMs.length === SHAPE.fragments) break;
  }
  media.destroy();
}
