/** A part of the stream as a player has it. */
export interface FollowedPart {
  /** What it holds: from here, in milliseconds since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly bytes: number;
  /** When its last byte was there, by performance.now(). */
  readonly servedMs: number;
  /** Asked for by a preload hint, before it was there. */
  readonly isHinted: boolean;
}

/** Follows a low-latency playlist as players do: each reload waits for the part that is next, which was asked for already. */
export class PartFollower {
  readonly #playlistUrl: URL;
  readonly #onPart: (part: FollowedPart) => void;
  readonly #signal: AbortSignal;
  /** By URL, what was asked for and may still be on its way. */
  readonly #asked = new Map<string, { readonly isHinted: boolean; readonly answer: Promise<Served | undefined> }>();
  readonly #listed = new Set<string>();
  /** Rejects with the first failure of a part. */
  readonly #failed: Promise<never>;
  #fail: (reason: unknown) => void = () => undefined;

  private constructor(playlistUrl: URL, onPart: (part: FollowedPart) => void, signal: AbortSignal) {
    this.#playlistUrl = playlistUrl;
    this.#onPart = onPart;
    this.#signal = signal;
    this.#failed = new Promise((_, reject) => (this.#fail = reject));
    this.#failed.catch(() => undefined);
  }

  /**
   * @param masterUrl of a session that shows times of fragments.
   * @param signal ends it; then it resolves.
   * @throws {Error} where the cloud refuses something, or a listed part.
   */
  static async follow(masterUrl: string, onPart: (part: FollowedPart) => void, signal: AbortSignal): Promise<void> {
    const master = await textOf(new URL(masterUrl), signal);
    const name = master.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "";
    const follower = new PartFollower(new URL(name, masterUrl), onPart, signal);
    try {
      await follower.#run();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #run(): Promise<void> {
    let url = this.#playlistUrl;
    for (;;) {
      const playlist = readPlaylist(await Promise.race([textOf(url, this.#signal), this.#failed]));
      for (const part of playlist.parts) this.#take(part).catch(this.#fail);
      // Before the playlist is asked for again: draft-pantos-hls-rfc8216bis.
      if (playlist.hint !== undefined) this.#ask(playlist.hint, true);
      url = new URL(this.#playlistUrl);
      url.searchParams.set("_HLS_msn", String(playlist.nextSequence));
      url.searchParams.set("_HLS_part", String(playlist.nextPart));
    }
  }

  /** A part that the playlist lists. */
  async #take({ uri, startMs, durationMs }: ListedPart): Promise<void> {
    if (this.#listed.has(uri)) return;
    this.#listed.add(uri);
    const { answer, isHinted } = this.#ask(uri, false);
    const served = await answer;
    if (served === undefined) throw new Error(`a part that is listed is not there: ${uri}`);
    this.#onPart({ startMs, durationMs, ...served, isHinted });
  }

  #ask(uri: string, isHinted: boolean): { readonly isHinted: boolean; readonly answer: Promise<Served | undefined> } {
    const known = this.#asked.get(uri);
    if (known !== undefined) return known;
    const asked = { isHinted, answer: partAt(new URL(uri, this.#playlistUrl), this.#signal) };
    asked.answer.catch(() => undefined);
    this.#asked.set(uri, asked);
    return asked;
  }
}

interface Served {
  readonly bytes: number;
  readonly servedMs: number;
}

/** @returns undefined where there is none: a hint need not come true. */
async function partAt(url: URL, signal: AbortSignal): Promise<Served | undefined> {
  const answer = await fetch(url, { signal });
  const { byteLength } = await answer.arrayBuffer();
  const servedMs = performance.now();
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status}`);
  return { bytes: byteLength, servedMs };
}

async function textOf(url: URL, signal: AbortSignal): Promise<string> {
  const answer = await fetch(url, { signal });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status} ${text}`);
  return text;
}

interface ListedPart {
  readonly uri: string;
  readonly startMs: number;
  readonly durationMs: number;
}

export interface ReadPlaylist {
  readonly parts: readonly ListedPart[];
  readonly hint: string | undefined;
  /** What `_HLS_msn` and `_HLS_part` are to ask for. */
  readonly nextSequence: number;
  readonly nextPart: number;
}

/** Reads what a follower needs of a playlist in which each segment has its time. */
export function readPlaylist(text: string): ReadPlaylist {
  const parts: ListedPart[] = [];
  let hint: string | undefined;
  let [sequence, part, atMs] = [0, 0, Number.NaN];
  for (const line of text.split("\n")) {
    const value = line.slice(line.indexOf(":") + 1);
    const attribute = (name: string): string => new RegExp(`\\b${name}="?([^",]+)`).exec(value)?.[1] ?? "";
    if (line.startsWith("#EXT-X-MEDIA-SEQUENCE:")) sequence = Number(value);
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) atMs = Date.parse(value);
    else if (line.startsWith("#EXT-X-PRELOAD-HINT:")) hint = attribute("URI");
    else if (line.startsWith("#EXT-X-PART:")) {
      const durationMs = Number(attribute("DURATION")) * 1000;
      parts.push({ uri: attribute("URI"), startMs: atMs, durationMs });
      atMs += durationMs;
      part += 1;
    } else if (line !== "" && !line.startsWith("#")) [sequence, part] = [sequence + 1, 0];
  }
  return { parts, hint, nextSequence: sequence, nextPart: part };
}
