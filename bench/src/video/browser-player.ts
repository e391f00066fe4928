import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { BLOCK_PIXELS, BLOCKS, CLOCK_ROW_Y, pictureAgeMs } from "./burned-in-clock.js";
import type { Rig } from "./rig.js";

/** Debian's. */
const CHROMIUM = "/usr/bin/chromium";
const STARTS_WITHIN_MS = 30_000;
const SAMPLE_EVERY_MS = 40;

/** Each is a module that exports `play(video, url, failed)`, made of files that the page may load. */
const players = {
  "hls.js": {
    files: new URL(".", import.meta.resolve("hls.js")),
    script: `
      import Hls from "./hls.mjs";
      export function play(video, url, failed) {
        // Without a rate it never catches up with what it lost while it started.
        const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5 });
        hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && failed(details));
        hls.loadSource(url);
        hls.attachMedia(video);
      }`,
  },
  console: {
    files: new URL("../../../cloud/src/console/assets/", import.meta.url),
    script: `
      import { VideoPlayer } from "./video-player.js";
      export const play = (video, url, failed) => new VideoPlayer(video, url, failed);`,
  },
};

export type PlayerName = keyof typeof players;

// Blocks are read from a canvas onto which the picture that is shown is drawn, as a camera before the screen would see it.
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><video muted autoplay></video>
<script type="module">
  import { play } from "./player.js";
  const video = document.querySelector("video");
  const shown = { samples: [], stalls: [], jumps: [], failure: null, droppedPictures: 0, pictures: 0 };
  const [width, height] = [${BLOCKS * BLOCK_PIXELS}, ${2 * BLOCK_PIXELS}];
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  const sample = () => {
    const wallMs = Date.now();
    canvas.drawImage(video, 0, 0, width, height, 0, 0, width, height);
    const { data } = canvas.getImageData(0, ${CLOCK_ROW_Y}, width, 1);
    let blocks = 0;
    for (let x = ${BLOCK_PIXELS / 2}; x < width; x += ${BLOCK_PIXELS}) blocks = blocks * 2 + (data[4 * x + 1] > 127 ? 1 : 0);
    shown.samples.push([wallMs, blocks]);
  };
  let begunMs;
  video.addEventListener("playing", () => {
    if (begunMs !== undefined) return;
    begunMs = Date.now();
    setInterval(sample, ${SAMPLE_EVERY_MS});
  });
  const note = (list) => begunMs !== undefined && list.push(Date.now() - begunMs);
  video.addEventListener("waiting", () => video.seeking || note(shown.stalls));
  video.addEventListener("seeking", () => note(shown.jumps));
  window.progress = () => ({ firstMs: shown.samples[0]?.[0] ?? null, failure: shown.failure });
  window.shown = () => {
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality();
    return { ...shown, droppedPictures: droppedVideoFrames, pictures: totalVideoFrames };
  };
  play(video, new URLSearchParams(location.search).get("url"), (error) => (shown.failure = String(error)));
</script>`;

interface Progress {
  readonly firstMs: number | null;
  readonly failure: string | null;
}

interface Shown {
  readonly samples: readonly (readonly [wallMs: number, blocks: number])[];
  readonly stalls: readonly number[];
  readonly jumps: readonly number[];
  readonly pictures: number;
  readonly droppedPictures: number;
}

/** What somebody saw who looked at the player. */
export interface Watched {
  /** From the page's opening to the first picture. */
  readonly startMs: number;
  /** How old the picture was, each time it was looked at, from the first picture on. */
  readonly looks: readonly { readonly afterMs: number; readonly ageMs: number }[];
  /** When the player ran out of pictures, in milliseconds after the first. */
  readonly stalls: readonly number[];
  /** When it went to another place. */
  readonly jumps: readonly number[];
  /** The longest time for which one picture stood. */
  readonly longestStillMs: number;
  /** Looks at which there was no clock to be read. */
  readonly unreadable: number;
  readonly pictures: number;
  readonly droppedPictures: number;
}

/**
 * Plays a live session in a real browser with a profile of its own, and looks at the picture from the first one on.
 * @throws {Error} where it does not begin, or the player gives up.
 */
export async function watch(rig: Rig, player: PlayerName, sessionUrl: string, forMs: number): Promise<Watched> {
  const server = await serve(player);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  rig.defer(() => browser.close());
  try {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    const openedMs = Date.now();
    await tab.goto(`${server.url}/?url=${encodeURIComponent(sessionUrl)}`);
    for (;;) {
      const { firstMs, failure } = await tab.evaluate<Progress>("progress()");
      if (failure !== null) throw new Error(`${player} gave up: ${failure}`);
      const nowMs = Date.now();
      if (firstMs === null && nowMs > openedMs + STARTS_WITHIN_MS) throw new Error(`${player} shows nothing`);
      if (firstMs !== null && nowMs >= firstMs + forMs)
        return { startMs: firstMs - openedMs, ...judge(await tab.evaluate<Shown>("shown()")) };
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } finally {
    await browser.close();
    server.close();
  }
}

function judge({ samples, stalls, jumps, pictures, droppedPictures }: Shown): Omit<Watched, "startMs"> {
  const looks: Watched["looks"][number][] = [];
  let [unreadable, longestStillMs, stillSinceMs, stillBlocks] = [0, 0, 0, -1];
  for (const [wallMs, blocks] of samples) {
    const ageMs = pictureAgeMs(blocks, wallMs);
    if (ageMs === undefined) {
      unreadable += 1;
      continue;
    }
    looks.push({ afterMs: wallMs - (samples[0]?.[0] ?? wallMs), ageMs });
    if (blocks !== stillBlocks) [stillSinceMs, stillBlocks] = [wallMs, blocks];
    longestStillMs = Math.max(longestStillMs, wallMs - stillSinceMs);
  }
  return { looks, stalls, jumps, longestStillMs, unreadable, pictures, droppedPictures };
}

async function serve(player: PlayerName): Promise<{ readonly url: string; close(): void }> {
  const { files, script } = players[player];
  const server = createServer((request, response) => {
    const name = request.url?.split("?", 1)[0]?.slice(1) ?? "";
    if (name === "") response.setHeader("content-type", "text/html").end(page);
    else if (name === "player.js") response.setHeader("content-type", "text/javascript").end(script);
    else {
      readFile(fileURLToPath(new URL(name, files))).then(
        (bytes) => response.setHeader("content-type", "text/javascript").end(bytes),
        () => response.writeHead(404).end(),
      );
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() };
}
