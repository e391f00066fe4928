import { basename } from "node:path";
import type { DeviceClock } from "../../clock/device-clock.js";
import type { CameraOptions } from "../camera-options.js";
import { askCamera } from "./ask-camera.js";
import { type CameraStreams, streamsFromFfmpeg, streamsFromGstreamer } from "./camera-streams.js";
import type { StartChild } from "./capture-child.js";
import { CaptureError, type CaptureSource } from "./capture-source.js";
import { type CaptureCommand, ChildCapture } from "./child-capture.js";
import { ffmpegCommand, ffmpegQuestion } from "./ffmpeg-command.js";
import { gstreamerCommand, gstreamerQuestion } from "./gstreamer-command.js";
import { maskCredentials } from "./mask-credentials.js";

/** What is passed on, as {@link CameraStreams} names it. */
const VIDEO = new Set(["h264", "hevc"]);

/** The real capture of a configured camera. */
export function openCamera(camera: CameraOptions, start: StartChild, clock: DeviceClock): CaptureSource {
  const { source } = camera;
  const name =
    source.kind === "rtsp" ? maskCredentials(source.url) : source.kind === "v4l2" ? source.path : source.kind;
  const command = async (signal: AbortSignal): Promise<CaptureCommand> => {
    const streams = await streamsOf(camera, start, clock, signal);
    return isGstreamer(camera.program) ? gstreamerCommand(camera, streams) : ffmpegCommand(camera, streams.audio);
  };
  return new ChildCapture({ name, command, start, clock });
}

/** Whether a program is GStreamer's. */
export function isGstreamer(program: string): boolean {
  return basename(program).startsWith("gst-launch");
}

/**
 * What a camera on the network sends: asked at each start, since it may have been set to something else meanwhile.
 * @throws {CaptureError} as {@link askCamera} does; `unsupported`.
 */
async function streamsOf(
  camera: CameraOptions,
  start: StartChild,
  clock: DeviceClock,
  signal: AbortSignal,
): Promise<CameraStreams> {
  if (camera.source.kind !== "rtsp") return { video: "h264", audio: "none" };
  const streams = isGstreamer(camera.program)
    ? await askCamera(gstreamerQuestion(camera), streamsFromGstreamer, start, clock, signal)
    : await askCamera(ffmpegQuestion(camera), streamsFromFfmpeg, start, clock, signal);
  if (VIDEO.has(streams.video)) return streams;
  const what = streams.video === "none" ? "no video" : `its video as ${streams.video}`;
  throw new CaptureError("unsupported", `the camera sends ${what}; H.264 and H.265 are passed on`);
}
