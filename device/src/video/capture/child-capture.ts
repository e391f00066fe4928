import { MatroskaError, type MatroskaEvent, MatroskaReader, type MatroskaTrack } from "@headwater/protocol/matroska";
import type { DeviceClock } from "../../clock/device-clock.js";
import { type CaptureChild, type StartChild, terminate } from "./capture-child.js";
import { CaptureError, type CaptureEvent, type CaptureSource } from "./capture-source.js";
import { StderrTail } from "./stderr-tail.js";

/** A program that writes Matroska to its standard output, and its arguments. */
export interface CaptureCommand {
  readonly program: string;
  readonly args: readonly string[];
}

export interface ChildCaptureOptions {
  readonly name: string;
  /** Asked at each start; may look at the camera first. @throws {CaptureError} */
  readonly command: (signal: AbortSignal) => Promise<CaptureCommand>;
  readonly start: StartChild;
  readonly clock: DeviceClock;
}

/** No byte for so long: the program hangs, as on a camera that froze, and is ended. */
export const SILENT_MS_MAX = 10_000;
/** Bytes, but no key frame for so long: nothing that could be played. */
export const NO_KEY_FRAME_MS_MAX = 60_000;
const WATCH_EVERY_MS = 500;
const CODECS = new Set(["V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC"]);

/** Captures through a child process, which never outlives the iteration. */
export class ChildCapture implements CaptureSource {
  readonly #options: ChildCaptureOptions;

  constructor(options: ChildCaptureOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  async *capture(signal: AbortSignal): AsyncGenerator<CaptureEvent, void, void> {
    const { clock, command, start } = this.#options;
    let session: Session | undefined;
    const abort = (): void => void session?.end();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const { program, args } = await command(signal);
      if (signal.aborted) return;
      session = new Session(await start(program, args), clock);
      if (signal.aborted) abort();
      yield* session.events();
      const fault = await session.fault(program);
      if (!signal.aborted) throw fault;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", abort);
      await session?.end();
    }
  }
}

/** One life of the child. */
class Session {
  readonly #child: CaptureChild;
  readonly #clock: DeviceClock;
  readonly #stderr = new StderrTail();
  readonly #watching = new AbortController();
  #silence: CaptureError | undefined;
  #ended: Promise<void> | undefined;
  /** Settles when nobody waits for the child any more, though it may still be there. */
  readonly #givenUp: Promise<void>;
  readonly #giveUp: () => void;
  #lastBytesMs: number;
  #lastKeyFrameMs: number;

  constructor(child: CaptureChild, clock: DeviceClock) {
    this.#child = child;
    this.#clock = clock;
    let giveUp!: () => void;
    this.#givenUp = new Promise((resolve) => (giveUp = resolve));
    this.#giveUp = giveUp;
    this.#lastBytesMs = this.#lastKeyFrameMs = clock.monotonicMs();
    child.onStderr((text) => this.#stderr.append(text));
    void this.#watch();
  }

  /** @throws {CaptureError} `malformed`, `unsupported`. */
  async *events(): AsyncGenerator<CaptureEvent, void, void> {
    const reader = new MatroskaReader();
    let wanted = new Map<number, MatroskaTrack>();
    try {
      for await (const chunk of this.#child.stdout) {
        this.#lastBytesMs = this.#clock.monotonicMs();
        for (const event of reader.push(chunk)) {
          if (event.kind === "tracks") {
            wanted = wantedTracks(event.tracks);
            yield { kind: "init", tracks: [...wanted.values()] };
          } else if (event.kind === "frame" && wanted.has(event.track)) {
            yield this.#frame(event, wanted.get(event.track)?.type === "video");
          }
        }
      }
    } catch (cause) {
      if (cause instanceof MatroskaError) throw new CaptureError("malformed", cause.message, { cause });
      // A pipe that was closed on the way, since the child is being ended.
      if (this.#ended === undefined) throw cause;
    }
  }

  #frame({ track, isKey, timecodeMs, data }: MatroskaEvent & { kind: "frame" }, isVideo: boolean): CaptureEvent {
    if (isKey && isVideo) this.#lastKeyFrameMs = this.#clock.monotonicMs();
    return { kind: "frame", track, isKey: isKey || !isVideo, timecodeMs, data };
  }

  /** Why it ended, after its output has. */
  async fault(program: string): Promise<CaptureError> {
    const exit = await Promise.race([this.#child.exited, this.#givenUp]);
    if (this.#silence !== undefined) return this.#silence;
    if (exit === undefined) return new CaptureError("silent", `${program} does not end`);
    const { code, signal } = exit;
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const said = this.#stderr.lines().slice(-3).join(" | ");
    return new CaptureError("ended", `${program} ended with ${how}${said === "" ? "" : `: ${said}`}`);
  }

  end(): Promise<void> {
    this.#watching.abort();
    this.#ended ??= terminate(this.#child, this.#clock).then(this.#giveUp);
    return this.#ended;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#watching;
    void this.#child.exited.then(() => this.#watching.abort());
    while (!signal.aborted) {
      await this.#clock.sleep(WATCH_EVERY_MS, signal);
      const nowMs = this.#clock.monotonicMs();
      if (signal.aborted) return;
      if (nowMs - this.#lastBytesMs >= SILENT_MS_MAX) this.#silence = silent("no data", nowMs - this.#lastBytesMs);
      else if (nowMs - this.#lastKeyFrameMs >= NO_KEY_FRAME_MS_MAX)
        this.#silence = silent("no key frame", nowMs - this.#lastKeyFrameMs);
      if (this.#silence !== undefined) void this.end();
    }
  }
}

function silent(what: string, ms: number): CaptureError {
  return new CaptureError("silent", `${what} for ${Math.round(ms)} ms`);
}

/** The first track of video and the first of audio. */
function wantedTracks(tracks: readonly MatroskaTrack[]): Map<number, MatroskaTrack> {
  const video = tracks.find(({ type }) => type === "video");
  if (video === undefined || !CODECS.has(video.codecId)) {
    const what = video === undefined ? "no video" : `video as ${video.codecId}, neither H.264 nor H.265`;
    throw new CaptureError("unsupported", what);
  }
  const audio = tracks.find(({ type }) => type === "audio");
  return new Map([video, ...(audio === undefined ? [] : [audio])].map((track) => [track.number, track]));
}
