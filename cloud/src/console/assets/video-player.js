import { readMasterPlaylist, readMediaPlaylist } from "./video-playlist.js";

/** What is kept behind the picture that is shown, in seconds. */
const KEPT_S = 20;
const RETRY_MS = 1000;
/** How far behind the newest part a player stays, in seconds. */
const PARTS_BEHIND_S = 1;
const CATCH_UP_RATE = 1.2;

/**
 * Plays an HLS session of ours through Media Source Extensions. Segments carry the time at which they were taken, so a
 * position in the video is seconds since 1970.
 */
export class VideoPlayer {
  #source = new MediaSource();
  #stopped = new AbortController();
  /** Tracks of which not all that was listed at first is appended: until then nobody knows where live is. */
  #starting = 0;

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
    this.#starting = tracks.length;
    await Promise.all(tracks.map((track, i) => this.#follow(new URL(track.url, url), buffers[i])));
    if (this.#source.readyState === "open") this.#source.endOfStream();
  }

  /** Appends a track's segments as they are listed, to the end of what is over. @param {URL} url @param {SourceBuffer | undefined} buffer */
  async #follow(url, buffer) {
    if (buffer === undefined) return;
    /** The segment that is needed next, and the part of it. */
    const next = { sequence: -1, part: 0 };
    let isStarting = true;
    let map = "";
    let asked = url;
    while (!this.#stopped.signal.aborted) {
      const { segments, coming, canWait, targetSeconds, isOver } = await this.#playlist(asked);
      // So much is between live and what is shown: some parts; or a segment, and the time until its successor is noticed.
      const behindS = isOver ? Infinity : canWait ? PARTS_BEHIND_S : targetSeconds * 1.5 + 1;
      if (next.sequence < 0) next.sequence = firstSequence(segments, behindS);
      const listed = coming === undefined ? segments : [...segments, coming];
      let isNew = false;
      for (const segment of listed.filter(({ sequence }) => sequence >= next.sequence)) {
        const from = segment.sequence === next.sequence ? next.part : 0;
        for (const fresh of missing(segment, from)) {
          if (segment.map !== map) await append(buffer, await this.#bytes(new URL(segment.map, url)));
          ({ map } = segment);
          await append(buffer, await this.#bytes(new URL(fresh, url)));
          if (isOver || this.#starting === 0) await this.#keepUp(buffer, behindS);
          isNew = true;
        }
        [next.sequence, next.part] =
          segment === coming ? [segment.sequence, segment.parts.length] : [segment.sequence + 1, 0];
      }
      if (isStarting) {
        isStarting = false;
        this.#starting -= 1;
        if (this.#starting === 0) await this.#keepUp(buffer, behindS);
      }
      if (isOver) return;
      asked = new URL(url);
      if (canWait) {
        asked.searchParams.set("_HLS_msn", String(next.sequence));
        asked.searchParams.set("_HLS_part", String(next.part));
      } else if (!isNew) await this.#delay(Math.min(RETRY_MS, targetSeconds * 500));
    }
  }

  /** @param {URL} url */
  async #playlist(url) {
    for (;;) {
      const answer = await fetch(url, { signal: this.#stopped.signal, cache: "no-store" });
      if (answer.ok) return readMediaPlaylist(await answer.text());
      // What was waited for did not come.
      if (answer.status !== 503) throw new Error(`${url.pathname}: ${answer.status}`);
      await this.#delay(RETRY_MS);
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
    // What starting and stalls cost is taken back a little at a time.
    this.video.playbackRate = end - this.video.currentTime > 1.2 * behindS ? CATCH_UP_RATE : 1;
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

/** URLs of what is to be appended of a segment of which so many parts are there. @param {import("./video-playlist.js").Segment} segment @param {number} from */
function missing({ url, parts, isGap }, from) {
  if (isGap) return [];
  // Of what is complete, the whole is one request.
  return url !== "" && (from === 0 || parts.length === 0) ? [url] : parts.slice(from);
}
