import { CreateStreamCommand, KinesisVideoClient } from "@aws-sdk/client-kinesis-video";
import {
  KinesisVideoArchivedMediaClient,
  ListFragmentsCommand,
  type Fragment,
} from "@aws-sdk/client-kinesis-video-archived-media";
import { GetMediaCommand, KinesisVideoMediaClient, type StartSelector } from "@aws-sdk/client-kinesis-video-media";
import { MatroskaReader } from "@headwater/protocol/matroska";
import { credentials, region } from "../harness/credentials.js";
import type { Scope } from "../harness/scope.js";

/** One fragment as GetMedia sent it. */
export interface ReadFragment {
  readonly number: string;
  readonly producerMs: number;
  readonly frames: readonly Buffer[];
  readonly continuationToken: string;
}

/** AWS's own JavaScript clients as they come: only endpoint, region and keys are set. */
export class VideoClients {
  readonly control: KinesisVideoClient;
  readonly media: KinesisVideoMediaClient;
  readonly archived: KinesisVideoArchivedMediaClient;

  constructor(scope: Scope, endpoint: string) {
    const settings = { endpoint, region, credentials };
    this.control = new KinesisVideoClient(settings);
    this.media = new KinesisVideoMediaClient(settings);
    this.archived = new KinesisVideoArchivedMediaClient(settings);
    for (const client of [this.control, this.media, this.archived]) scope.defer(() => client.destroy());
  }

  async createStream(StreamName: string): Promise<void> {
    await this.control.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 24 }));
  }

  /** Reads until so many fragments are there, then leaves. */
  async read(StreamName: string, count: number, selector?: StartSelector): Promise<ReadFragment[]> {
    const StartSelector = selector ?? { StartSelectorType: "EARLIEST" };
    const leave = new AbortController();
    const { Payload } = await this.media.send(new GetMediaCommand({ StreamName, StartSelector }), {
      abortSignal: leave.signal,
    });
    const found: ReadFragment[] = [];
    const chunks = new Chunks((fragment) => found.push(fragment));
    for await (const bytes of Payload as AsyncIterable<Uint8Array>) {
      chunks.push(bytes);
      if (found.length >= count) break;
    }
    leave.abort();
    if (found.length < count) throw new Error(`GetMedia ended after ${found.length} of ${count} fragments`);
    return found;
  }

  /** Every fragment that the stream has, through all pages. */
  async list(StreamName: string, MaxResults = 1000): Promise<Fragment[]> {
    const TimestampRange = { StartTimestamp: new Date(0), EndTimestamp: new Date(Date.now() + 86_400_000) };
    const FragmentSelector = { FragmentSelectorType: "PRODUCER_TIMESTAMP", TimestampRange } as const;
    const found: Fragment[] = [];
    for (let NextToken: string | undefined, first = true; first || NextToken !== undefined; first = false) {
      const input = NextToken === undefined ? { FragmentSelector } : { NextToken };
      const page = await this.archived.send(new ListFragmentsCommand({ StreamName, MaxResults, ...input }));
      found.push(...(page.Fragments ?? []));
      ({ NextToken } = page);
    }
    return found;
  }
}

/** Takes GetMedia's bytes apart; a fragment is told of when its last tag is there. */
class Chunks {
  readonly #reader = new MatroskaReader();
  readonly #onFragment: (fragment: ReadFragment) => void;
  #tags = new Map<string, string>();
  #frames: Buffer[] = [];
  #producerMs = 0;

  constructor(onFragment: (fragment: ReadFragment) => void) {
    this.#onFragment = onFragment;
  }

  push(bytes: Uint8Array): void {
    for (const event of this.#reader.push(bytes)) {
      if (event.kind === "document") [this.#tags, this.#frames] = [new Map(), []];
      else if (event.kind === "cluster") this.#producerMs = event.timecodeMs;
      else if (event.kind === "frame") this.#frames.push(Buffer.from(event.data));
      else if (event.kind === "tag") {
        this.#tags.set(event.name.replace("AWS_KINESISVIDEO_", ""), String(event.value));
        const continuationToken = this.#tags.get("CONTINUATION_TOKEN");
        if (continuationToken === undefined) continue;
        const number = this.#tags.get("FRAGMENT_NUMBER") ?? "";
        this.#onFragment({ number, producerMs: this.#producerMs, frames: this.#frames, continuationToken });
      }
    }
  }
}
