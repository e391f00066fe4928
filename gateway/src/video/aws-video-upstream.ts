import { VIDEO_LANE_BACKFILL, VIDEO_LANE_HEADER } from "@headwater/protocol";
import type { WrittenTrack } from "@headwater/protocol/matroska";
import type { Credentials } from "../control/sign-upgrade.js";
import { type Ack, callKinesisVideo, getDataEndpoint, putMedia, PutMediaError } from "../put-media/index.js";
import type { VideoCall, VideoUpstream } from "./video-upstream.js";

export interface AwsVideoUpstreamOptions {
  /** Of the control plane. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Whether to make a stream that does not exist. */
  readonly createStreams: boolean;
}

/** Of a stream that the gateway makes. */
const RETENTION_HOURS = 24;
const mediaTypes: Readonly<Record<string, string>> = {
  "V_MPEG4/ISO/AVC": "video/h264",
  "V_MPEGH/ISO/HEVC": "video/h265",
  A_AAC: "audio/aac",
};

/** The upstream over our own PutMedia client. */
export class AwsVideoUpstream implements VideoUpstream {
  readonly #options: AwsVideoUpstreamOptions;
  /** Data endpoints that worked, or have not failed yet, by stream. */
  readonly #dataEndpoints = new Map<string, string>();

  constructor(options: AwsVideoUpstreamOptions) {
    this.#options = options;
  }

  async *putMedia(
    { stream, lane, tracks }: VideoCall,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncGenerator<Ack, void, void> {
    const headers = lane === "backfill" ? { [VIDEO_LANE_HEADER]: VIDEO_LANE_BACKFILL } : {};
    try {
      const dataEndpoint = this.#dataEndpoints.get(stream) ?? (await this.#findDataEndpoint(stream, tracks, signal));
      this.#dataEndpoints.set(stream, dataEndpoint);
      yield* putMedia({ ...this.#options, streamName: stream, dataEndpoint, headers, signal }, body);
    } catch (error) {
      // A connection that broke is made again where it was; else the stream may live elsewhere by now.
      if (error instanceof PutMediaError && error.code !== "interrupted") this.#dataEndpoints.delete(stream);
      throw error;
    }
  }

  async #findDataEndpoint(stream: string, tracks: readonly WrittenTrack[], signal: AbortSignal): Promise<string> {
    const options = { ...this.#options, signal };
    try {
      return await getDataEndpoint(options, stream);
    } catch (error) {
      const isMissing = error instanceof PutMediaError && error.type === "ResourceNotFoundException";
      if (!isMissing || !this.#options.createStreams) throw error;
    }
    const types = tracks.map(({ codecId }) => mediaTypes[codecId]);
    try {
      await callKinesisVideo(options, "createStream", {
        StreamName: stream,
        DataRetentionInHours: RETENTION_HOURS,
        ...(types.includes(undefined) ? {} : { MediaType: types.join(",") }),
      });
    } catch (error) {
      // The other lane, or somebody else, was quicker.
      if (!(error instanceof PutMediaError && error.type === "ResourceInUseException")) throw error;
    }
    return getDataEndpoint(options, stream);
  }
}
