import type { MatroskaFrameEvent } from "@headwater/protocol/matroska";
import { quantile } from "../median.js";
import type { Answer } from "./answer.js";
import { feedPutMedia, type FedFrame } from "./fed-camera.js";
import { type FollowedPart, PartFollower } from "./part-follower.js";
import { createStream, liveSession, type Rig } from "./rig.js";
import { PICTURE, testPattern } from "./test-pattern.js";

/** Encoded beforehand and sent again and again, so that the encoder takes nothing from what is measured. */
const ENCODED_SECONDS = 10;
const SENT_SECONDS = 34;
/** With less a figure would say nothing. */
const WATCHED_SECONDS = 20;
/** For what is still on its way when all is sent. */
const LAST_PARTS_WITHIN_MS = 5000;

/** How long after the last byte of a frame went into PutMedia does a player have the low-latency part that holds it? */
export async function partLatency(rig: Rig): Promise<Answer> {
  const { track, frames: encoded } = await testPattern(ENCODED_SECONDS);
  const frames: MatroskaFrameEvent[] = [];
  for await (const frame of encoded) frames.push(frame);
  const cloud = await rig.cloud();
  await createStream(cloud);

  const sentMs = new Map<number, number>();
  const parts: FollowedPart[] = [];
  const done = new AbortController();
  let following: Promise<void> | undefined;
  let joinedMs = Number.NaN;
  const follow = async (): Promise<void> => {
    const url = await liveSession(cloud);
    joinedMs = performance.now();
    await PartFollower.follow(url, (part) => parts.push(part), done.signal);
  };
  await feedPutMedia(cloud, {
    track,
    frames: atPace(frames),
    onSending: ({ timecodeMs }) => sentMs.set(timecodeMs, performance.now()),
    onPersisted: () => {
      following ??= follow();
      following.catch(() => undefined);
    },
  });
  const lastMs = Math.max(...sentMs.keys());
  const deadlineMs = performance.now() + LAST_PARTS_WITHIN_MS;
  while (!parts.some((part) => holds(part, lastMs)) && performance.now() < deadlineMs) {
    await Promise.race([following, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  done.abort();
  await following;

  const expected = [...sentMs].filter(([, ms]) => ms > joinedMs).map(([timecodeMs]) => timecodeMs);
  const served = expected.flatMap((timecodeMs) => {
    const part = parts.find((one) => holds(one, timecodeMs));
    return part === undefined ? [] : [{ timecodeMs, part }];
  });
  const since = (timecodeMs: number, { servedMs }: FollowedPart): number =>
    servedMs - (sentMs.get(timecodeMs) ?? Number.NaN);
  const frameMs = served.map(({ timecodeMs, part }) => since(timecodeMs, part));
  const counted = new Set(served.map(({ part }) => part));
  // What makes a part complete is the frame behind it.
  const completedMs = [...counted].flatMap((part) => {
    const completing = [...sentMs.keys()].find((timecodeMs) => timecodeMs >= part.startMs + part.durationMs - 1);
    return completing === undefined ? [] : [since(completing, part)];
  });
  const missing = expected.length - served.length;
  if (served.length < WATCHED_SECONDS * PICTURE.framesPerSecond) {
    throw new Error(`the player had ${served.length} frames of ${expected.length}`);
  }
  const hinted = [...counted].filter(({ isHinted }) => isHinted).length;
  return {
    question: "parts",
    head: ["until a player has the low-latency part, from", "p50 ms", "p99 ms"],
    rows: [
      { what: "the last byte of a frame in it into PutMedia", figures: ["partMsP50", "partMsP99"] },
      { what: "the first frame behind it, with which it is complete", figures: ["completedMsP50", "completedMsP99"] },
    ],
    figures: {
      partMsP50: quantile(frameMs, 0.5),
      partMsP99: quantile(frameMs, 0.99),
      completedMsP50: quantile(completedMs, 0.5),
      completedMsP99: quantile(completedMs, 0.99),
      framesMissing: missing,
    },
    limits: { partMsP99: 400, framesMissing: 0 },
    notes: [
      `${served.length} frames in ${counted.size} parts of ${median([...counted])} ms, ${hinted} of them by preload hint; ${missing} frames missing; the player reloads blocking, and shares the cores`,
    ],
    shape: { ...PICTURE, frames: served.length, parts: counted.size, hinted },
  };
}

function holds({ startMs, durationMs }: FollowedPart, timecodeMs: number): boolean {
  // PART says microseconds.
  return timecodeMs > startMs - 1 && timecodeMs < startMs + durationMs - 1;
}

function median(parts: readonly FollowedPart[]): number {
  return Math.round(
    quantile(
      parts.map(({ durationMs }) => durationMs),
      0.5,
    ),
  );
}

async function* atPace(
  frames: readonly { readonly isKey: boolean; readonly data: Buffer }[],
): AsyncGenerator<FedFrame> {
  const startMs = Date.now();
  for (let n = 0; n < SENT_SECONDS * PICTURE.framesPerSecond; n++) {
    const { isKey, data } = frames[n % frames.length]!;
    const timecodeMs = startMs + (n * 1000) / PICTURE.framesPerSecond;
    await new Promise((resolve) => setTimeout(resolve, timecodeMs - Date.now()));
    yield { timecodeMs, isKey, data };
  }
}
