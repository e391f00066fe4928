import { EventEmitter, once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { lanes } from "@headwater/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Ack, PutMediaError } from "../put-media/index.js";
import { eventually } from "../testing/eventually.js";
import { RamDisk } from "../testing/ram-disk.js";
import { openSpool, type SpoolOnDisk, valueOf } from "../testing/spool-on-disk.js";
import { Camera, type CameraFragment } from "./testing/camera.js";
import { ExactVideoUpstream } from "./testing/exact-video-upstream.js";
import type { VideoCall, VideoUpstream } from "./video-upstream.js";

/** As a connection does it: the first call's body is taken beside its answer, until that breaks. Later calls are whole. */
class BreakingUpstream implements VideoUpstream {
  readonly exact = new ExactVideoUpstream();
  /** Of the first call's body. */
  chunks = 0;
  readonly #events = new EventEmitter();
  #calls = 0;

  async *putMedia(
    call: VideoCall,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncGenerator<Ack, void, void> {
    if (this.#calls++ > 0) return yield* this.exact.putMedia(call, body, signal);
    const chunks = body[Symbol.asyncIterator]();
    const upload = async (): Promise<void> => {
      while (!(await chunks.next()).done) this.chunks++;
    };
    upload().catch(() => undefined); // it ends with the call
    await once(this.#events, "break");
    void chunks.return?.();
    throw new PutMediaError("interrupted", "the connection broke");
  }

  break(): void {
    this.#events.emit("break");
  }
}

const START_MS = 1_795_188_690_000;
/** Header, cluster, three frames, end. */
const CHUNKS = 6;
const clock = { now: () => 1_800_000_000_000 };

let disk: RamDisk;
let upstream: BreakingUpstream;
let gateway: SpoolOnDisk;
let camera: Camera;
const asleep = new EventEmitter();
const sleep = async (_: number, signal: AbortSignal): Promise<void> => void (await once(asleep, "wake", { signal }));

beforeEach(async () => {
  disk = new RamDisk();
  upstream = new BreakingUpstream();
  camera = new Camera();
  gateway = await openSpool(disk, { videoUpstream: upstream, clock, sleep });
});

afterEach(async () => {
  await gateway.stop();
  await gateway.log.close();
});

function nth(n: number): CameraFragment {
  return { producerMs: START_MS + n * 120, frames: [`key ${n}`, `b${n}`, `c${n}`] };
}

/** Sends one more piece, and lets the call break while it reads that. It is read when this resolves, and the lane asleep. */
async function breakWhileReadingNextPiece(): Promise<void> {
  const letQueueRead = disk.holdReads();
  await camera.connect(gateway.ingest, 1);
  await eventually(() => expect(disk.held).toBe(1));
  const letCallRead = disk.holdReads();
  letQueueRead();
  await eventually(() => expect(disk.held).toBe(2));
  upstream.break();
  await eventually(async () => expect(await valueOf(gateway.metrics, "video_sessions_failed_total")).toBe(1));
  letCallRead();
  await nextTurn();
}

const takenMs = (): number[] => upstream.exact.taken.map(({ timecodeMs }) => timecodeMs);

test("a fragment that its call had begun to read when it broke goes with the next call", async () => {
  camera.capture(nth(0));
  await camera.connect(gateway.ingest);
  await eventually(() => expect(upstream.chunks).toBe(CHUNKS));
  camera.capture(nth(1));
  await breakWhileReadingNextPiece();
  await camera.connect(gateway.ingest);
  asleep.emit("wake");
  await eventually(() => expect(takenMs()).toEqual([nth(0), nth(1)].map(({ producerMs }) => producerMs)));
  await eventually(async () => {
    await gateway.videoSpool.sweep();
    expect(gateway.videoSpool.bytes).toBe(0);
  });
});

test("a live call that broke while it read a piece does not hold up backfill", async () => {
  camera.capture(nth(1));
  await camera.connect(gateway.ingest, 1);
  await eventually(() => expect(upstream.chunks).toBe(3));
  await breakWhileReadingNextPiece();
  const other = new Camera();
  other.capture(nth(0), lanes.videoBackfill);
  await other.connect(gateway.ingest);
  await eventually(() => expect(takenMs()).toEqual([nth(0).producerMs]));
});
