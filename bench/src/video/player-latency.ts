import { quantile } from "../median.js";
import type { Answer } from "./answer.js";
import { type PlayerName, watch, type Watched } from "./browser-player.js";
import { feedPutMedia, type FedFrame } from "./fed-camera.js";
import { type CloudAccess, createStream, liveSession, type Rig } from "./rig.js";
import { startCamera } from "./simulated-camera.js";
import { PICTURE, type TestPattern, testPattern } from "./test-pattern.js";

/** While a player catches up with what it lost as it started, told apart from the rest. */
const STARTING_MS = 5000;
const WATCH_MS = 20_000;
const PART_MS = 250;

/** How old is the picture that a low-latency player shows of what is fed to PutMedia as it is encoded? */
export async function playerLatency(rig: Rig): Promise<Answer> {
  const cloud = await rig.cloud();
  await createStream(cloud);
  const stop = new AbortController();
  const { track, frames } = await testPattern();
  const feeding = feedPutMedia(cloud, { track, frames: asTheyCome(frames), signal: stop.signal });
  feeding.catch(() => undefined);
  try {
    return await answer(rig, cloud, {
      question: "player",
      limitMs: 1500,
      path: "an encoder, PutMedia, the cloud, a player",
      failed: feeding,
    });
  } finally {
    stop.abort();
    await feeding.catch(() => undefined);
  }
}

/** How old is it from a camera through real device, gateway and cloud? */
export async function cameraLatency(rig: Rig): Promise<Answer> {
  const cloud = await rig.cloud();
  await rig.device(cloud, { source: await startCamera(rig), audio: "off" });
  return await answer(rig, cloud, {
    question: "camera",
    limitMs: 2500,
    path: "a camera (hardware/simulated-camera), RTSP, device, gateway, cloud, a player",
    failed: new Promise<never>(() => undefined),
  });
}

interface Path {
  readonly question: string;
  readonly limitMs: number;
  readonly path: string;
  /** Rejects, or resolves, where the stream ends too early. */
  readonly failed: Promise<void>;
}

async function answer(rig: Rig, cloud: CloudAccess, { question, limitMs, path, failed }: Path): Promise<Answer> {
  const ended = failed.then(() => {
    throw new Error("the stream ended");
  });
  const seen = async (player: PlayerName): Promise<Watched> =>
    await Promise.race([watch(rig, player, await liveSession(cloud), STARTING_MS + WATCH_MS), ended]);
  const hls = await seen("hls.js");
  const console = await seen("console");
  const figures = { ...figuresOf("hlsJs", hls, limitMs), ...figuresOf("console", console, limitMs) };
  const rows = (what: string, prefix: string): Answer["rows"] => [
    { what, figures: ["MsP50", "MsP95", "MsMax", "Stalls"].map((name) => prefix + name) },
    {
      what: `  its first ${STARTING_MS / 1000} s`,
      figures: ["StartingMsP50", "StartingMsP95", "StartingMsMax"].map((name) => prefix + name),
    },
  ];
  return {
    question,
    head: [`age of the picture: ${path.split(",", 1)[0]} to`, "p50 ms", "p95 ms", "max ms", "stalls"],
    rows: [...rows("hls.js, low latency", "hlsJs"), ...rows("the console's player", "console")],
    figures,
    limits: Object.fromEntries(
      ["hlsJs", "console"].flatMap((prefix) => [
        ...["MsP50", "MsP95", "MsMax"].map((name) => [prefix + name, limitMs] as const),
        [`${prefix}Stalls`, 0] as const,
        [`${prefix}Unreadable`, 0] as const,
      ]),
    ),
    notes: [
      `${path}; for ${WATCH_MS / 1000} s, key frames ${PICTURE.gopSeconds} s apart, parts of ${PART_MS} ms`,
      said("hls.js", hls, figures["hlsJsWithinAfterMs"]),
      said("the console's player", console, figures["consoleWithinAfterMs"]),
      "browser, encoder and servers share the cores",
    ],
    shape: { ...PICTURE, partMs: PART_MS, startingMs: STARTING_MS, watchMs: WATCH_MS },
  };
}

function figuresOf(prefix: string, watched: Watched, limitMs: number): Record<string, number> {
  const { looks, stalls, jumps, longestStillMs, unreadable, startMs } = watched;
  const [starting, settled] = [true, false].map((isStarting) =>
    looks.filter(({ afterMs }) => afterMs < STARTING_MS === isStarting).map(({ ageMs }) => ageMs),
  );
  const quantiles = (name: string, agesMs: readonly number[] = []): Record<string, number> => {
    if (agesMs.length === 0) throw new Error("there was no clock to be read");
    return {
      [`${prefix}${name}P50`]: quantile(agesMs, 0.5),
      [`${prefix}${name}P95`]: quantile(agesMs, 0.95),
      [`${prefix}${name}Max`]: Math.max(...agesMs),
    };
  };
  return {
    ...quantiles("Ms", settled),
    ...quantiles("StartingMs", starting),
    // From then on no picture was older than the limit.
    [`${prefix}WithinAfterMs`]: looks.findLast(({ ageMs }) => ageMs > limitMs)?.afterMs ?? 0,
    [`${prefix}Stalls`]: stalls.length,
    [`${prefix}Unreadable`]: unreadable,
    [`${prefix}Jumps`]: jumps.length,
    [`${prefix}LongestStillMs`]: longestStillMs,
    [`${prefix}StartMs`]: startMs,
  };
}

function times(afterMs: readonly number[]): string {
  return afterMs.length === 0 ? "none" : afterMs.map((ms) => `at ${ms} ms`).join(" and ");
}

function said(name: string, watched: Watched, withinAfterMs = 0): string {
  const { startMs, looks, stalls, jumps, longestStillMs, unreadable, pictures, droppedPictures } = watched;
  return (
    `${name}: first picture after ${startMs} ms, no older than the limit from ${withinAfterMs} ms after it on; ` +
    `looked ${looks.length} times, ${unreadable} without a clock; ` +
    `stalls ${times(stalls)}, jumps ${times(jumps)}, a picture stood for at most ${longestStillMs} ms, ${droppedPictures} of ${pictures} pictures dropped`
  );
}

/** The first frame's time is when it came; the others have their distance from it. */
async function* asTheyCome(frames: TestPattern["frames"]): AsyncGenerator<FedFrame> {
  let startMs: number | undefined;
  for await (const { timecodeMs, isKey, data } of frames) {
    startMs ??= Date.now() - timecodeMs;
    yield { timecodeMs: startMs + timecodeMs, isKey, data };
  }
}
