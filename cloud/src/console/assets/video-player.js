import { readMasterPlaylist, readMediaPlaylist } from "./video-playlist.js";

/** What is kept behind the picture that is shown, in seconds. */
const KEPT_S = 20;
const RETRY_MS = 1000;

/**
 * Plays an HLS session of ours through Media Source Extensions. Segments carry the time at which they were taken, so a
 * position in the video is seconds since 1970.
 */
export class VideoPlayer {
  #source = new MediaSource();
  #stopped = new AbortController();

  /** @param {HTMLVideoElement} video @param {string} url of the master playlist @param {(error: unknown) => void} onFailure once it can not go on */
  constructor(video, url, onFailure) {
    this.video = video;
    const objectUrl = URL.createObjectURL(this.#source);
    video.src = objectUrl;
    this.#source.addEventListener(
      "sourceopen",
      () => {
        URL.revokeObjectURL(objectUrl);
        this.#play(new URL(url, location.href)).catch((error) => {
          if (!this.#stopped.signal.aborted) onFailure(error);
        });
      },
      { once: true },
    );
  }

  stop() {
    this.#stopped.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** @param {URL} url */
  async #play(url) {
    const { tracks } = readMasterPlaylist(await (await this.#fetch(url)).text());
    const buffers = tracks.map(({ type }) => this.#source.addSourceBuffer(type));
    await Promise.all(tracks.map((track, i) => this.#follow(new URL(track.url, url), buffers[i])));
    if (this.#source.readyState === "open") this.#source.endOfStream();
  }

  /** Appends a track's segments as they are listed, to the end of what is over. @param {URL} url @param {SourceBuffer | undefined} buffer */
  async #follow(url, buffer) {
    if (buffer === undefined) return;
    let next = -1;
    let map = "";
    while (!this.#stopped.signal.aborted) {
      const { segments, targetSeconds, isOver } = readMediaPlaylist(await (await this.#fetch(url)).text());
      // So much is between live and what is shown: a segment, and the time until its successor is noticed.
      const behindS = isOver ? Infinity : targetSeconds * 1.5 + 1;
      if (next < 0) next = firstSequence(segments, behindS);
      const fresh = segments.filter(({ sequence }) => sequence >= next);
      for (const segment of fresh) {
        if (segment.map !== map) await append(buffer, await this.#bytes(new URL(segment.map, url)));
        ({ map } = segment);
        await append(buffer, await this.#bytes(new URL(segment.url, url)));
        next = segment.sequence + 1;
        await this.#keepUp(buffer, behindS);
      }
      if (isOver) return;
      if (fresh.length === 0) await this.#delay(Math.min(RETRY_MS, targetSeconds * 500));
    }
  }

  /** Moves to what there is to play, and forgets what was played. @param {SourceBuffer} buffer @param {number} behindS */
  async #keepUp(buffer, behindS) {
    const { buffered, currentTime } = this.video;
    if (buffered.length === 0) return;
    const last = buffered.length - 1;
    const [start, end] = [buffered.start(last), buffered.end(last)];
    let isPlayable = false;
    for (let i = 0; i <= last; i++) isPlayable ||= buffered.start(i) <= currentTime && currentTime < buffered.end(i);
    if (!isPlayable || end - currentTime > 2 * behindS) this.video.currentTime = Math.max(start, end - behindS);
    if (buffer.buffered.length > 0 && buffer.buffered.start(0) < currentTime - 2 * KEPT_S) {
      buffer.remove(0, currentTime - KEPT_S);
      await settled(buffer);
    }
  }

  /** @param {URL} url */
  async #bytes(url) {
    return (await this.#fetch(url)).arrayBuffer();
  }

  /** @param {URL} url */
  async #fetch(url) {
    const answer = await fetch(url, { signal: this.#stopped.signal, cache: "no-store" });
    if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status}`);
    return answer;
  }

  /** @param {number} ms @returns {Promise<void>} */
  #delay(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopped.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** @param {SourceBuffer} buffer @param {ArrayBuffer} bytes */
async function append(buffer, bytes) {
  buffer.appendBuffer(bytes);
  await settled(buffer);
}

/** @param {SourceBuffer} buffer @returns {Promise<void>} */
function settled(buffer) {
  return new Promise((resolve, reject) => {
    buffer.addEventListener("updateend", () => resolve(), { once: true });
    buffer.addEventListener("error", () => reject(new Error("the browser cannot decode the stream")), { once: true });
  });
}

/** Where to begin, so that so many seconds are there to play. @param {import("./video-playlist.js").Segment[]} segments @param {number} wantedS */
function firstSequence(segments, wantedS) {
  let at = segments.length - 1;
  for (let seconds = segments[at]?.seconds ?? 0; at > 0 && seconds < wantedS; seconds += segments[at]?.seconds ?? 0)
    at--;
  return segments[at]?.sequence ?? -1;
}
