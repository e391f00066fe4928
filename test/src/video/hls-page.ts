import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { startBrowser } from "../console/console-page.js";
import type { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";

const assets = new URL("../../../cloud/src/console/assets/", import.meta.url);

const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><video muted autoplay></video>
<script type="module">
  import { VideoPlayer } from "./video-player.js";
  const video = document.querySelector("video");
  const shown = { stalls: 0, failure: null };
  let hasPlayed = false;
  video.addEventListener("playing", () => (hasPlayed = true));
  // With pictures ahead it is the decoder that it waits for, as when it begins.
  const isAhead = () => {
    const { buffered, currentTime } = video;
    const last = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1);
    return last - currentTime > 0.2;
  };
  video.addEventListener("waiting", () => (shown.stalls += Number(hasPlayed && !video.seeking && !isAhead())));
  // The frame's number of a test pattern (docs/reference/device.md), of each picture that is shown.
  const numbers = [];
  const [width, block] = [26 * 16, 16];
  const context = new OffscreenCanvas(width, block).getContext("2d", { willReadFrequently: true });
  const look = () => {
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, block / 2, width, 1);
    const bits = Array.from({ length: 26 }, (_, i) => Number(data[4 * (i * block + block / 2)] > 127));
    if (bits[0] === 1 && bits[25] === 0) numbers.push(Number.parseInt(bits.slice(1, 25).join(""), 2));
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  window.numbers = () => numbers;
  window.state = () => ({
    ...shown,
    currentTime: video.currentTime,
    ended: video.ended,
    pictures: video.getVideoPlaybackQuality().totalVideoFrames,
  });
  const query = new URLSearchParams(location.search);
  if (query.get("player") === "console") {
    new VideoPlayer(video, query.get("url"), (error) => (shown.failure = String(error)));
  } else {
    video.addEventListener("error", () => (shown.failure = video.error.message));
    video.crossOrigin = "anonymous";
    video.src = query.get("url");
  }
</script>`;

export interface PlayerState {
  /** Seconds; since 1970 in the console's player. */
  readonly currentTime: number;
  readonly ended: boolean;
  /** Decoded until now. */
  readonly pictures: number;
  /** How often it ran out of pictures after it had begun. */
  readonly stalls: number;
  readonly failure: string | null;
}

/** The console's player, or the one that Chromium has built in, on a page of another origin. */
export class HlsPage {
  /** Low-latency parts that the player asked for. */
  partsAsked = 0;
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
    page.on("request", (request) => (this.partsAsked += Number(request.url().includes("&Part="))));
  }

  static async open(scope: Scope, url: string, of: "console" | "chromium" = "console"): Promise<HlsPage> {
    const server = createServer((request, response) => {
      const name = request.url?.split("?", 1)[0]?.slice(1) ?? "";
      if (name === "") response.setHeader("content-type", "text/html").end(html);
      else {
        readFile(new URL(name, assets)).then(
          (bytes) => response.setHeader("content-type", "text/javascript").end(bytes),
          () => response.writeHead(404).end(),
        );
      }
    }).listen(0, "127.0.0.1");
    scope.defer(() => server.close().closeAllConnections());
    await once(server, "listening");
    const page = await (await startBrowser(scope)).newPage();
    const player = new HlsPage(page);
    const query = new URLSearchParams({ player: of, url }).toString();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/?${query}`);
    return player;
  }

  state(): Promise<PlayerState> {
    return this.#page.evaluate("state()");
  }

  /** The numbers of the frames that were shown, where they have marks. */
  frameNumbers(): Promise<number[]> {
    return this.#page.evaluate("numbers()");
  }

  /** Resolves once the player's state is as wanted. */
  async until(awaited: string, isSo: (state: PlayerState) => boolean): Promise<PlayerState> {
    let state: PlayerState | undefined;
    return until(
      () => `${awaited}; the player is at ${JSON.stringify(state)}`,
      async () => {
        state = await this.state();
        return isSo(state) && state;
      },
      { everyMs: 50 },
    );
  }
}
