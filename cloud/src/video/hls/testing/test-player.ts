import { once } from "node:events";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { TestVideo } from "../../testing/test-video.js";

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface ListedPart {
  readonly url: string;
  readonly seconds: number;
  readonly isIndependent: boolean;
}

/** One segment as a media playlist lists it. */
export interface ListedSegment {
  readonly url: string;
  readonly map: string;
  readonly sequence: number;
  readonly timeline: number;
  readonly seconds: number;
  readonly dateTime: string | undefined;
  readonly isGap: boolean;
  readonly parts: readonly ListedPart[];
}

export interface ReadMediaPlaylist {
  readonly text: string;
  readonly segments: readonly ListedSegment[];
  readonly targetSeconds: number;
  readonly isOver: boolean;
  /** Parts behind the last segment. */
  readonly coming: readonly ListedPart[];
  /** The URL of the part after them. */
  readonly hint: string | undefined;
}

/** Follows a session's URL as a player does. */
export class TestPlayer {
  readonly #base: string;
  constructor(readonly url: string) {
    this.#base = url.slice(0, url.lastIndexOf("/") + 1);
  }

  static async open(it: TestVideo, input: Readonly<Record<string, unknown>>): Promise<TestPlayer> {
    const { status, body, type } = await it.call("getHLSStreamingSessionURL", input);
    if (status !== 200) throw new Error(`${status} ${type}: ${JSON.stringify(body)}`);
    return new TestPlayer(String(body["HLSStreamingSessionURL"]));
  }

  async get(url: string, method = "GET"): Promise<Got> {
    const target = url.startsWith("http") ? url : this.#base + url;
    const outgoing = request(target, { method, agent: false }).end();
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    const body = Buffer.concat(await answer.toArray());
    return { status: answer.statusCode ?? 0, headers: answer.headers, body, text: body.toString() };
  }

  /** The media playlists: the picture's, or of sound alone the sound's, and the sound's beside a picture. */
  async master(): Promise<{ text: string; main: string; audio: string | undefined }> {
    const { status, text } = await this.get(this.url);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    const main = text.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "";
    return { text, main, audio: /URI="([^"]+)"/.exec(text)?.[1] };
  }

  async media(url?: string): Promise<ReadMediaPlaylist> {
    const { status, text } = await this.get(url ?? (await this.master()).main);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    return readMediaPlaylist(text);
  }
}

function readMediaPlaylist(text: string): ReadMediaPlaylist {
  const value = (tag: string): string | undefined => new RegExp(`^#${tag}:(.*)$`, "m").exec(text)?.[1];
  const segments: ListedSegment[] = [];
  let [map, seconds, dateTime, isGap] = ["", 0, undefined as string | undefined, false];
  let parts: ListedPart[] = [];
  let sequence = Number(value("EXT-X-MEDIA-SEQUENCE"));
  let timeline = Number(value("EXT-X-DISCONTINUITY-SEQUENCE") ?? 0);
  for (const line of text.split("\n")) {
    if (line === "#EXT-X-DISCONTINUITY") timeline += 1;
    else if (line.startsWith("#EXT-X-MAP")) map = /URI="([^"]+)"/.exec(line)?.[1] ?? "";
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) dateTime = line.slice(line.indexOf(":") + 1);
    else if (line === "#EXT-X-GAP") isGap = true;
    else if (line.startsWith("#EXT-X-PART:")) {
      const [, duration, url = ""] = /DURATION=([\d.]+),URI="([^"]+)"/.exec(line) ?? [];
      parts.push({ url, seconds: Number(duration), isIndependent: line.endsWith(",INDEPENDENT=YES") });
    } else if (line.startsWith("#EXTINF:")) seconds = Number.parseFloat(line.slice(8));
    else if (line !== "" && !line.startsWith("#")) {
      segments.push({ url: line, map, sequence, timeline, seconds, dateTime, isGap, parts });
      [parts, isGap] = [[], false];
      sequence += 1;
    }
  }
  const targetSeconds = Number(value("EXT-X-TARGETDURATION"));
  const isOver = text.includes("#EXT-X-ENDLIST");
  const hint = /^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/m.exec(text)?.[1];
  return { text, segments, targetSeconds, isOver, coming: parts, hint };
}
