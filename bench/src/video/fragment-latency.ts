import { GetMediaCommand, KinesisVideoMediaClient } from "@aws-sdk/client-kinesis-video-media";
import { type MediaPart, matroskaBody, putMedia } from "@headwater/gateway/put-media";
import { MatroskaReader } from "@headwater/protocol/matroska";
import { quantile } from "../median.js";
import type { Answer } from "./answer.js";
import { type CloudAccess, createStream, type Rig, STREAM } from "./rig.js";

/** Four fragments a second of 4 Mbit/s, frames as a camera sends them. */
const SHAPE = { fragments: 120, framesPerFragment: 8, fragmentMs: 250, keyFrameBytes: 60_000, frameBytes: 9_300 };

/** How long after the last byte of a fragment went into PutMedia does its last byte come out of GetMedia, and how long until it is PERSISTED? */
export async function fragmentLatency(rig: Rig): Promise<Answer> {
  const cloud = await rig.cloud();
  await createStream(cloud);
  /** By a fragment's timecode, the time at which its last byte was handed to the connection. */
  const sentMs = new Map<number, number>();
  const persistedMs: number[] = [];
  const sinceSent = (timecodeMs: number): number => performance.now() - (sentMs.get(timecodeMs) ?? Number.NaN);

  const reading = readAll(cloud, sinceSent);
  const body = matroskaBody(document(), parts(Date.now(), sentMs));
  for await (const ack of putMedia({ ...cloud, streamName: STREAM }, body)) {
    if (ack.event === "PERSISTED") persistedMs.push(sinceSent(ack.fragmentTimecodeMs));
    if (ack.event === "ERROR") throw new Error(ack.errorCode);
  }
  const getMediaMs = await reading;

  const fragmentBytes = SHAPE.keyFrameBytes + (SHAPE.framesPerFragment - 1) * SHAPE.frameBytes;
  return {
    question: "fragments",
    head: ["from the last byte of a fragment into PutMedia to", "p50 ms", "p99 ms"],
    rows: [
      { what: "its last byte out of GetMedia", figures: ["getMediaMsP50", "getMediaMsP99"] },
      { what: "its PERSISTED", figures: ["persistedMsP50", "persistedMsP99"] },
    ],
    figures: {
      getMediaMsP50: quantile(getMediaMs, 0.5),
      getMediaMsP99: quantile(getMediaMs, 0.99),
      persistedMsP50: quantile(persistedMs, 0.5),
      persistedMsP99: quantile(persistedMs, 0.99),
    },
    limits: { getMediaMsP50: 50, getMediaMsP99: 150 },
    notes: [
      `${getMediaMs.length} fragments of ${SHAPE.fragmentMs} ms, ${fragmentBytes} bytes each, at the pace of a camera; the clients share the cores`,
    ],
    shape: SHAPE,
  };
}

function document(): Parameters<typeof matroskaBody>[0] {
  const codecPrivate = Buffer.from("0142c01effe100", "hex");
  const video = { width: 1280, height: 720 };
  const track = { number: 1, type: "video", codecId: "V_MPEG4/ISO/AVC", codecPrivate, language: "und", video } as const;
  return { tracks: [track], writingApp: "headwater bench" };
}

async function* parts(startMs: number, sentMs: Map<number, number>): AsyncGenerator<MediaPart> {
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

/** @returns for each fragment, how long after it was sent its last tag was there. */
async function readAll(cloud: CloudAccess, sinceSent: (timecodeMs: number) => number): Promise<number[]> {
  const media = new KinesisVideoMediaClient(cloud);
  const StartSelector = { StartSelectorType: "EARLIEST" } as const;
  const { Payload } = await media.send(new GetMediaCommand({ StreamName: STREAM, StartSelector }));
  const reader = new MatroskaReader();
  const getMediaMs: number[] = [];
  let timecodeMs = 0;
  for await (const bytes of Payload as AsyncIterable<Uint8Array>) {
    for (const event of reader.push(bytes)) {
      if (event.kind === "cluster") timecodeMs = event.timecodeMs;
      if (event.kind !== "tag" || event.name !== "AWS_KINESISVIDEO_CONTINUATION_TOKEN") continue;
      getMediaMs.push(sinceSent(timecodeMs));
    }
    if (getMediaMs.length === SHAPE.fragments) break;
  }
  media.destroy();
  return getMediaMs;
}
