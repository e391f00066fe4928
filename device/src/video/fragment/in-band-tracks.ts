import { type AvcConfiguration, changedAvcC, nalUnitsOf, parseAvcC } from "@headwater/protocol/h264";
import type { MatroskaTrack, WrittenTrack } from "@headwater/protocol/matroska";

/**
 * A capture's tracks, kept as its key frames say: a camera that changes its resolution, or starts anew behind a program
 * that goes on, sends new parameter sets within the video. H.265 is taken as the container says it.
 */
export class InBandTracks {
  #tracks: readonly WrittenTrack[];
  #configuration: AvcConfiguration | undefined;

  /** @throws {H264Error} where the H.264 track's private data cannot be read. */
  constructor(tracks: readonly MatroskaTrack[]) {
    this.#tracks = tracks.filter((track): track is WrittenTrack => track.type !== "other");
    const video = this.video;
    if (video?.codecId === "V_MPEG4/ISO/AVC") this.#configuration = parseAvcC(video.codecPrivate ?? Buffer.of());
  }

  get tracks(): readonly WrittenTrack[] {
    return this.#tracks;
  }

  get video(): WrittenTrack | undefined {
    return this.#tracks.find(({ type }) => type === "video");
  }

  /**
   * Looks at a frame of the video: whether its NAL units are whole, and at a key frame also for new parameter sets.
   * @returns whether {@link tracks} have changed.
   * @throws {H264Error} of a frame that is not what it claims to be.
   */
  look(frame: Buffer, isKey: boolean): boolean {
    if (this.#configuration === undefined) return false;
    if (!isKey) {
      nalUnitsOf(frame, this.#configuration.lengthBytes);
      return false;
    }
    const codecPrivate = changedAvcC(this.#configuration, frame);
    if (codecPrivate === undefined) return false;
    const configuration = parseAvcC(codecPrivate);
    const { width, height } = configuration.sps;
    this.#configuration = configuration;
    this.#tracks = this.#tracks.map((track) =>
      track.type === "video" ? { ...track, codecPrivate, video: { width, height } } : track,
    );
    return true;
  }
}
