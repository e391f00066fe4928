import { setMaxListeners } from "node:events";
import { join, resolve } from "node:path";
import { type Disk, type Log, openLog } from "@headwater/log";
import { videoTopic } from "@headwater/protocol";
import type { DeviceClock } from "../clock/device-clock.js";
import { Condition } from "../condition.js";
import type { Report } from "../report.js";
import { fromLogError } from "../sdk/device-error.js";
import type { Connect } from "../uplink/gateway-connection.js";
import { Uplink, type UplinkState } from "../uplink/uplink.js";
import { Retention } from "./archive/retention.js";
import { UploadCursor } from "./archive/upload-cursor.js";
import { type ArchiveStatus, VideoArchive } from "./archive/video-archive.js";
import { VideoIdentity } from "./archive/video-identity.js";
import { Camera, type CameraStatus } from "./camera.js";
import type { CameraOptions } from "./camera-options.js";
import type { CaptureSource } from "./capture/capture-source.js";
import { VideoSource } from "./uplink/video-source.js";

export interface VideoOptions {
  /** The device's id. */
  readonly device: string;
  /** The device's data directory, which the caller holds; video lies in `video` below it. */
  readonly data: string;
  readonly cameras: readonly CameraOptions[];
  readonly report: Report;
}

/** What video runs on. */
export interface VideoMachine {
  readonly disk: Disk;
  readonly clock: DeviceClock;
  /** A connection of its own, so that records do not wait behind pictures. */
  readonly connect: Connect;
  readonly openCamera: (camera: CameraOptions) => CaptureSource;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
}

export interface CameraState extends CameraStatus, ArchiveStatus {
  readonly stream: string;
  /** Pieces that are kept and not acknowledged. */
  readonly unsentPieces: number;
  /** Fragments given up before the gateway had all of them, by cause. */
  readonly expired: Readonly<Record<string, number>>;
}

export interface VideoState {
  readonly cameras: readonly CameraState[];
  /** Of the video connection; records mean pieces. */
  readonly uplink: UplinkState;
}

interface CameraShelf {
  readonly archive: VideoArchive;
  readonly camera: Camera;
  readonly cursor: UploadCursor;
  readonly retention: Retention;
}

const JOURNAL_BYTES_MIN = 4 * 1024 * 1024;
const JOURNAL_BYTES_MAX = 64 * 1024 * 1024;
const KEEP_EVERY_MS = 5_000;

/** The cameras of a device: their archives, and their way to the gateway. */
export class Video {
  readonly #log: Log;
  readonly #shelves: readonly CameraShelf[];
  readonly #uplink: Uplink;
  readonly #running = new AbortController();
  readonly #loops: Promise<unknown>;

  /** @throws {DeviceError} `unsupported-format`, `disk-full`, `disk-failed`. */
  static async open(options: VideoOptions, machine: VideoMachine): Promise<Video> {
    const { cameras, data, device, report } = options;
    const { clock, connect, disk, random } = machine;
    const directory = join(resolve(data), "video");
    const smallest = Math.min(...cameras.map(({ archive }) => archive.bytesMax));
    const journalBytesMax = Math.min(Math.max(smallest / 16, JOURNAL_BYTES_MIN), JOURNAL_BYTES_MAX);
    let log: Log | undefined;
    try {
      await disk.makeDirectory(directory);
      log = await openLog({
        directory: join(directory, "log"),
        disk,
        clock,
        report,
        // One for each camera, and one for the identity: each piece is written once.
        journals: cameras.length + 1,
        journalBytesMax,
      });
      const identity = await VideoIdentity.open(log, clock, report);
      const grown = new Condition();
      const shelves: CameraShelf[] = [];
      for (const options of cameras) {
        const { stream, archive: limits } = options;
        const archive = await VideoArchive.open({ log, device, stream, identity, clock, report, grown });
        const cursor = await UploadCursor.open({ archive, log, clock, boot: identity.boot, report });
        const retention = new Retention(log, archive, cursor, identity, limits, journalBytesMax);
        const camera = new Camera({ source: machine.openCamera(options), archive, clock, random, report });
        shelves.push({ archive, camera, cursor, retention });
      }
      const cursors = shelves.map(({ cursor }) => cursor);
      const source = new VideoSource(cursors, identity.captureClock, grown);
      const uplink = new Uplink({ device, topic: videoTopic(device), source, connect, clock, random, report });
      return new Video(log, shelves, uplink, identity, clock, report);
    } catch (error) {
      await log?.close();
      throw fromLogError(error);
    }
  }

  private constructor(
    log: Log,
    shelves: readonly CameraShelf[],
    uplink: Uplink,
    identity: VideoIdentity,
    clock: DeviceClock,
    report: Report,
  ) {
    this.#log = log;
    this.#shelves = shelves;
    this.#uplink = uplink;
    const { signal } = this.#running;
    setMaxListeners(0, signal); // each camera waits in several places
    this.#loops = Promise.all([
      ...shelves.map(({ camera }) => camera.run(signal)),
      uplink.run(signal),
      identity.captureClock.watch(signal),
      keep(shelves, clock, report, signal),
    ]);
  }

  state(): VideoState {
    return {
      cameras: this.#shelves.map(({ archive, camera, cursor, retention }) => ({
        stream: archive.stream,
        ...camera.status(),
        ...archive.status(),
        unsentPieces: unsentOf(archive, cursor),
        expired: retention.expired,
      })),
      uplink: this.#uplink.state(),
    };
  }

  /** Ends the captures, stores what they gave, and stops sending. What was not acknowledged is sent next time. */
  async close(): Promise<void> {
    this.#running.abort();
    await this.#loops;
    for (const { cursor } of this.#shelves) await cursor.persist();
    await this.#log.close();
  }
}

/** What is kept and not acknowledged. */
function unsentOf({ first }: VideoArchive, cursor: UploadCursor): number {
  return cursor.unacknowledged().reduce((sum, { from, to }) => sum + Math.max(to - Math.max(from, first), 0), 0);
}

/** Keeps archives within their limits and marks on the disk, until the signal aborts. */
async function keep(
  shelves: readonly CameraShelf[],
  clock: DeviceClock,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const failing = new Set<Retention>();
  while (!signal.aborted) {
    for (const { archive, cursor, retention } of shelves) {
      await cursor.persist();
      try {
        await retention.enforce(signal);
        failing.delete(retention);
      } catch (cause) {
        // Told once, and tried again all the time.
        const message = `the archive of ${archive.stream} could not be kept within its limits`;
        if (!failing.has(retention)) report({ level: "warn", message, cause });
        failing.add(retention);
      }
    }
    await clock.sleep(KEEP_EVERY_MS, signal);
  }
}
