import type { Scope } from "../harness/scope.js";

/** One fragment as a low-latency player gets it. */
export interface FollowedFragment {
  /** The media data of its parts, by their index. */
  readonly parts: (Buffer | undefined)[];
  /** Listed as a segment, so that no part comes any more. */
  isWhole: boolean;
}

/** Fetches each part of a live session as it is listed, with blocking reloads, until the scope closes. */
export class PartFollower {
  /** By fragment number. */
  readonly fragments = new Map<string, FollowedFragment>();
  failure: unknown;

  constructor(scope: Scope, master: string) {
    const stopped = new AbortController();
    scope.defer(() => stopped.abort());
    this.#follow(master, stopped.signal).catch((error: unknown) => {
      if (!stopped.signal.aborted) this.failure = error;
    });
  }

  async #follow(master: string, signal: AbortSignal): Promise<void> {
    const variants = await (await sound(await fetch(master, { signal }))).text();
    const listed = variants.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "";
    const media = new URL(listed, master);
    for (;;) {
      const playlist = await fetch(media, { signal });
      // What was waited for did not come, as when the camera is gone.
      if (playlist.status === 503) continue;
      const lines = (await (await sound(playlist)).text()).split("\n");
      let sequence = Number(lines.find((line) => line.startsWith("#EXT-X-MEDIA-SEQUENCE:"))?.split(":")[1]);
      let parts = 0;
      for (const line of lines) {
        const part = /^#EXT-X-PART:.*URI="([^"]*)"/.exec(line)?.[1];
        if (part !== undefined) {
          await this.#fetch(new URL(part, media), signal);
          parts++;
        } else if (line !== "" && !line.startsWith("#")) {
          const followed = this.fragments.get(new URL(line, media).searchParams.get("FragmentNumber") ?? "");
          if (followed !== undefined) followed.isWhole = true;
          [sequence, parts] = [sequence + 1, 0];
        }
      }
      media.searchParams.set("_HLS_msn", String(sequence));
      media.searchParams.set("_HLS_part", String(parts));
    }
  }

  async #fetch(url: URL, signal: AbortSignal): Promise<void> {
    const number = url.searchParams.get("FragmentNumber") ?? "";
    const index = Number(url.searchParams.get("Part"));
    const followed = this.fragments.get(number) ?? { parts: [], isWhole: false };
    this.fragments.set(number, followed);
    followed.parts[index] ??= mediaDataOf(Buffer.from(await (await sound(await fetch(url, { signal }))).arrayBuffer()));
  }
}

async function sound(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response;
}

/** What is in the `mdat` box. ISO/IEC 14496-12, 4.2. */
function mediaDataOf(segment: Buffer): Buffer {
  for (let at = 0; at < segment.length; at += segment.readUInt32BE(at)) {
    if (segment.toString("latin1", at + 4, at + 8) === "mdat") {
      return segment.subarray(at + 8, at + segment.readUInt32BE(at));
    }
  }
  throw new Error("a part without media data");
}
