import { type AvcConfiguration, changedAvcC, nalUnitsOf, parseAvcC, splitByLength } from "@headwater/protocol/h264";
import { H265Error, type HevcConfiguration, hevcSliceUnitsOf, parseHevcSps, parseHvcC } from "@headwater/protocol/h265";
import type { MatroskaTrack, WrittenTrack } from "@headwater/protocol/matroska";
import { CaptureError } from "../capture/capture-source.js";

const HEVC_SEQUENCE_PARAMETER_SET = 33;

/**
 * A capture's tracks, kept as its key frames say: a camera that changes its resolution, or starts anew behind a program
 * that goes on, sends new parameter sets within the video. Those of H.264 become the track's; a picture of H.265 that
 * changes its size has to be captured anew.
 */
export class InBandTracks {
  #tracks: readonly WrittenTrack[];
  #configuration: AvcConfiguration | undefined;
  readonly #hevc: HevcConfiguration | undefined;

  /** @throws {H264Error} where the H.264 track's private data cannot be read. */
  constructor(tracks: readonly MatroskaTrack[]) {
    this.#tracks = tracks.filter((track): track is WrittenTrack => track.type !== "other");
    const video = this.video;
    if (video?.codecId === "V_MPEG4/ISO/AVC") this.#configuration = parseAvcC(video.codecPrivate ?? Buffer.of());
    if (video?.codecId === "V_MPEGH/ISO/HEVC") this.#hevc = readHvcC(video.codecPrivate ?? Buffer.of());
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
   * @throws {H264Error} or {@link H265Error} of a frame that is not what it claims to be. {@link CaptureError} `changed`.
   */
  look(frame: Buffer, isKey: boolean): boolean {
    if (this.#hevc !== undefined) lookAtHevc(frame, isKey, this.#hevc);
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

/** A configuration that cannot be read is no reason to film nothing: frames are then taken as they come. */
function readHvcC(record: Uint8Array): HevcConfiguration | undefined {
  try {
    return parseHvcC(record);
  } catch (error) {
    if (error instanceof H265Error) return undefined;
    throw error;
  }
}

function lookAtHevc(frame: Buffer, isKey: boolean, { lengthBytes, sps }: HevcConfiguration): void {
  hevcSliceUnitsOf(frame, lengthBytes);
  if (!isKey) return;
  const units = splitByLength(frame, lengthBytes) ?? [];
  const set = units.find((unit) => (((unit[0] ?? 0) >> 1) & 63) === HEVC_SEQUENCE_PARAMETER_SET);
  if (set === undefined) return;
  const { width, height } = parseHevcSps(set);
  if (width === sps.width && height === sps.height) return;
  throw new CaptureError("changed", `its picture was ${sps.width}x${sps.height} and is ${width}x${height}`);
}
