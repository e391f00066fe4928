import { EventEmitter, once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";

interface Player {
  stop(): void;
}

const { VideoPlayer } = (await import(new URL("assets/video-player.js", import.meta.url).href)) as {
  VideoPlayer: new (video: object, url: string, onFailure: (error: unknown) => void) => Player;
};

/** A segment of two seconds, and of the one that comes next a second and a half. What a URL leads to is named by its times. */
const LIVE = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.750
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init"
#EXTINF:2.000,
1000-1002
#EXT-X-PART:DURATION=0.5,URI="1002-1002.5",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI="1002.5-1003"
#EXT-X-PART:DURATION=0.5,URI="1003-1003.5"
`;
const MASTER = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,URI="sound/list"
#EXT-X-STREAM-INF:CODECS="avc1.42c01e,mp4a.40.2"
picture/list
`;

/** What is there from a beginning to an end, in seconds, as far as a player of ours looks at it. */
class MediaBuffer extends EventTarget {
  range: [number, number] | undefined;

  get buffered(): { length: number; start(): number; end(): number } {
    const [start, end] = this.range ?? [0, 0];
    return { length: Number(this.range !== undefined), start: () => start, end: () => end };
  }

  appendBuffer(bytes: ArrayBuffer): void {
    const [start, end] = new TextDecoder().decode(bytes).split("-").map(Number);
    if (start !== undefined && end !== undefined) this.range = [this.range?.[0] ?? start, end];
    queueMicrotask(() => this.dispatchEvent(new Event("updateend")));
  }
}

const buffers: MediaBuffer[] = [];

class Source extends EventTarget {
  constructor() {
    super();
    queueMicrotask(() => this.dispatchEvent(new Event("sourceopen")));
  }

  addSourceBuffer(): MediaBuffer {
    buffers.push(new MediaBuffer());
    return buffers.at(-1) as MediaBuffer;
  }
}

/** Where it was put, each time. */
class Video {
  readonly positions: number[] = [];
  playbackRate = 1;

  get currentTime(): number {
    return this.positions.at(-1) ?? 0;
  }

  set currentTime(seconds: number) {
    this.positions.push(seconds);
  }

  /** Where there are both, picture and sound. */
  get buffered(): MediaBuffer["buffered"] {
    const both = new MediaBuffer();
    const [picture, sound] = buffers.map(({ range }) => range);
    if (picture && sound) both.range = [Math.max(picture[0], sound[0]), Math.min(picture[1], sound[1])];
    return both.buffered;
  }

  removeAttribute(): void {}

  load(): void {}
}

afterEach(() => {
  buffers.length = 0;
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("it begins where live is once it has all that is listed, of picture and sound, and does not jump", async () => {
  vi.stubGlobal("location", { href: "http://cloud.test/" });
  vi.stubGlobal("MediaSource", Source);
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:");
  /** Of those that wait for what comes next. */
  const reloads: string[] = [];
  const heard = new EventEmitter();
  vi.stubGlobal("fetch", async (url: URL, { signal }: { signal: AbortSignal }): Promise<Response> => {
    if (url.pathname === "/master") return new Response(MASTER);
    if (url.searchParams.has("_HLS_msn")) {
      reloads.push(url.pathname);
      heard.emit("reload");
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    }
    // The picture comes slowly.
    if (url.pathname.startsWith("/picture/1") && reloads.length === 0) await once(heard, "reload");
    return new Response(url.pathname.endsWith("list") ? LIVE : url.pathname.split("/").at(-1));
  });
  const video = new Video();
  const failures: unknown[] = [];
  const player = new VideoPlayer(video, "/master", (error) => failures.push(error));
  await vi.waitFor(() => expect(reloads).toEqual(["/sound/list", "/picture/list"]));
  player.stop();
  expect([failures, video.positions]).toEqual([[], [1002.5]]);
});
