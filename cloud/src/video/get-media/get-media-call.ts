import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "@headwater/log";
import { hold } from "../../http/listener.js";
import { fragmentNumber } from "../store/fragment-number.js";
import type { PublishedFragment } from "../store/fragment.js";
import { FragmentGone, readFragment } from "../store/read-fragment.js";
import { VideoError } from "../video-error.js";
import type { MediaReader, VideoStream } from "../video-stream.js";
import type { VideoTraffic } from "../video-traffic.js";
import type { Start } from "./start-selector.js";
import { errorTags, writeChunk } from "./write-chunk.js";

/** AWS allows 3; each holds about a megabyte. */
const READERS_MAX = 50;
/** How long a reader may take nothing before it is cut. */
const STALL_MAX_MS = 60_000;

export interface GetMediaCallOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly log: Log;
  readonly stream: VideoStream;
  readonly start: Start;
  readonly traffic: VideoTraffic;
  readonly now: () => number;
  readonly report: (message: string, detail: Readonly<Record<string, unknown>>) => void;
}

/** A GetMedia call: fragments as they become complete, read from the log as the reader takes them, until it leaves. */
export class GetMediaCall implements MediaReader {
  readonly #options: GetMediaCallOptions;
  readonly #gone = new AbortController();

  constructor(options: GetMediaCallOptions) {
    this.#options = options;
  }

  /**
   * Answers, and sends until the reader or the stream goes.
   * @throws {VideoError} `connections-exceeded`, before anything is sent.
   */
  start(): void {
    const { request, response, requestId, stream } = this.#options;
    if (stream.readers.size >= READERS_MAX) {
      throw new VideoError("connections-exceeded", `The stream has ${READERS_MAX} GetMedia connections already.`);
    }
    stream.readers.add(this);
    response.on("close", () => {
      stream.readers.delete(this);
      this.#gone.abort();
    });
    response.on("error", () => this.cut());
    // A stream may be silent for longer than the listener waits for other connections.
    hold(request, response);
    response.writeHead(200, { "content-type": "video/webm", "x-amzn-requestid": requestId });
    response.flushHeaders();
    void this.#send();
  }

  cut(): void {
    this.#gone.abort();
    // Not the request: that has come whole, and destroying it would leave the connection open.
    this.#options.response.destroy();
  }

  async #send(): Promise<void> {
    const { stream, response, traffic, report } = this.#options;
    const { signal } = this.#gone;
    try {
      const { after, isLiveOnly } = this.#options.start;
      let ordinal = after;
      while (!signal.aborted) {
        const fragment = stream.store.after(ordinal, stream.horizonMs());
        if (fragment === undefined) await stream.store.changed(signal);
        else {
          if (!(isLiveOnly && fragment.isBackfill)) await this.#sendFragment(fragment);
          ({ ordinal } = fragment);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      const isGone = error instanceof FragmentGone;
      traffic.readerDropped(isGone ? "fragment-gone" : "failed");
      if (!isGone) report("a GetMedia reader was cut", { stream: stream.name, err: error });
      response.end(isGone ? errorTags(4000, "FRAGMENT_NOT_FOUND") : errorTags(5000, "INTERNAL_ERROR"));
    }
  }

  async #sendFragment(fragment: PublishedFragment): Promise<void> {
    const { stream, log, traffic, now } = this.#options;
    const number = fragmentNumber(stream.numberPrefix, fragment.begin);
    const parts = readFragment(log, stream.shards.media, fragment);
    for await (const bytes of writeChunk(parts, { fragment, number, now })) {
      if (this.#gone.signal.aborted) return;
      traffic.sent(bytes.length);
      if (!this.#options.response.write(bytes)) await this.#drained();
    }
  }

  /** Resolves once the reader has taken what it was sent, or is gone; cuts it where it takes nothing. */
  #drained(): Promise<void> {
    const { response, traffic } = this.#options;
    const { signal } = this.#gone;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        traffic.readerDropped("stalled");
        this.cut();
      }, STALL_MAX_MS);
      const done = (): void => {
        clearTimeout(timer);
        response.off("drain", done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      response.on("drain", done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}
