import { basename } from "node:path";
import type { DeviceClock } from "../../clock/device-clock.js";
import type { CameraOptions } from "../camera-options.js";
import type { StartChild } from "./capture-child.js";
import type { CaptureSource } from "./capture-source.js";
import { type CaptureCommand, ChildCapture } from "./child-capture.js";
import { ffmpegCommand, ffmpegInput } from "./ffmpeg-command.js";
import { gstreamerCommand } from "./gstreamer-command.js";
import { maskCredentials } from "./mask-credentials.js";
import { probeAudio } from "./probe-audio.js";

/** The real capture of a configured camera. */
export function openCamera(camera: CameraOptions, start: StartChild, clock: DeviceClock): CaptureSource {
  const { source } = camera;
  const name =
    source.kind === "rtsp" ? maskCredentials(source.url) : source.kind === "v4l2" ? source.path : source.kind;
  return new ChildCapture({ name, command: (signal) => commandOf(camera, signal), start, clock });
}

/** Whether a program is GStreamer's. */
export function isGstreamer(program: string): boolean {
  return basename(program).startsWith("gst-launch");
}

async function commandOf(camera: CameraOptions, signal: AbortSignal): Promise<CaptureCommand> {
  if (isGstreamer(camera.program)) return gstreamerCommand(camera);
  const mayHaveSound = camera.source.kind === "rtsp" && camera.audio !== "off";
  const codec = mayHaveSound ? await probeAudio(camera.program, ffmpegInput(camera), signal) : "none";
  return ffmpegCommand(camera, codec);
}
