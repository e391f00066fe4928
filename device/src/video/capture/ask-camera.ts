import type { DeviceClock } from "../../clock/device-clock.js";
import { type StartChild, terminate } from "./capture-child.js";
import { CaptureError } from "./capture-source.js";
import type { CaptureCommand } from "./child-capture.js";
import type { CameraStreams } from "./camera-streams.js";
import { StderrTail } from "./stderr-tail.js";

/** Some cameras wake up first, or are far away. */
export const ASK_MS_MAX = 20_000;
const SAID_CHARACTERS_MAX = 256 * 1024;

/**
 * Runs a program that looks at a camera, and reads what it says of the camera's streams.
 * @throws {CaptureError} `ended` where it saw none, with what it said last; `silent` where that took too long;
 * `program-missing`.
 */
export async function askCamera(
  { program, args }: CaptureCommand,
  read: (said: string) => CameraStreams | undefined,
  start: StartChild,
  clock: DeviceClock,
  signal: AbortSignal,
): Promise<CameraStreams> {
  const child = await start(program, args);
  const tail = new StderrTail();
  let said = "";
  const hear = (text: string): void => void (said = (said + text).slice(0, SAID_CHARACTERS_MAX));
  child.onStderr((text) => {
    hear(text);
    tail.append(text);
  });
  const over = new AbortController();
  const end = (): void => over.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const sleeping = clock.sleep(ASK_MS_MAX, over.signal);
  const listening = (async () => {
    for await (const chunk of child.stdout) hear(chunk.toString());
    await child.exited;
  })();
  try {
    const isOver = await Promise.race([listening.then(() => true), sleeping.then(() => false)]);
    const streams = read(said);
    if (streams !== undefined) return streams;
    if (!isOver) throw new CaptureError("silent", `no answer to ${program} for ${ASK_MS_MAX} ms`);
    throw new CaptureError("ended", `${program} saw no camera: ${tail.lines().slice(-3).join(" | ")}`);
  } finally {
    signal.removeEventListener("abort", end);
    end();
    await terminate(child, clock);
  }
}
