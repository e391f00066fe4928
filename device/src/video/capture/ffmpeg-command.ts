import type { CameraOptions, Picture } from "../camera-options.js";
import type { CaptureCommand } from "./child-capture.js";
import { testPatternFilter } from "./test-pattern.js";

/** Frames leave as soon as they are there; otherwise Matroska comes in bursts of 0.7 s. */
const OUTPUT = ["-cluster_time_limit", "0", "-flush_packets", "1", "-f", "matroska", "-"];
/** How long the picture waits for a sound that has stopped; unless told 10 s, which looks like a camera that froze. */
const SOUND_WAIT = ["-max_interleave_delta", "500000"];
const NETWORK_TIMEOUT_MICROSECONDS = 5_000_000;
const KEY_FRAME_EVERY_SECONDS = 2;
/** Sound that is passed on as it is; other codecs have no place in a Kinesis video stream. */
const COPIED_AUDIO = new Set(["aac", "pcm_alaw", "pcm_mulaw"]);

const QUIET = ["-hide_banner", "-nostdin"];

/** What tells a camera's streams on standard error, and ends. */
export function ffmpegQuestion(camera: CameraOptions): CaptureCommand {
  return { program: camera.program, args: [...QUIET, ...input(camera)] };
}

/** @param audioCodec of an RTSP camera, `none` where it is silent; ignored for the others, which are. */
export function ffmpegCommand(camera: CameraOptions, audioCodec: string): CaptureCommand {
  const from = [...QUIET, "-loglevel", "warning", ...input(camera)];
  const args = [...from, "-map", "0:v:0", ...video(camera), ...audio(camera, audioCodec), ...OUTPUT];
  return { program: camera.program, args };
}

function input({ source, picture }: CameraOptions): string[] {
  if (source.kind === "rtsp") {
    return ["-rtsp_transport", "tcp", "-timeout", String(NETWORK_TIMEOUT_MICROSECONDS), "-i", source.url];
  }
  const size = `${picture.width}x${picture.height}`;
  const rate = String(picture.framesPerSecond);
  if (source.kind === "test-pattern") return ["-re", "-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${rate}`];
  const format = source.format === undefined ? [] : ["-input_format", source.format];
  return ["-f", "v4l2", ...format, "-video_size", size, "-framerate", rate, "-i", source.path];
}

function video({ source, picture }: CameraOptions): string[] {
  if (source.kind === "test-pattern") return ["-vf", testPatternFilter(), ...encoded(picture)];
  const isH264 = source.kind === "rtsp" || source.format === "h264";
  return isH264 ? ["-c:v", "copy"] : encoded(picture);
}

/** H.264 as cheap as it gets, with key frames at fixed distances. */
function encoded({ framesPerSecond }: Picture): string[] {
  const keyFrames = Math.round(framesPerSecond * KEY_FRAME_EVERY_SECONDS);
  const encoder = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p";
  const distance = `-g ${keyFrames} -keyint_min ${keyFrames} -sc_threshold 0`;
  return `${encoder} ${distance} -crf 26 -maxrate 4M -bufsize 8M`.split(" ");
}

function audio({ source, audio }: CameraOptions, codec: string): string[] {
  if (source.kind !== "rtsp" || audio === "off" || codec === "none") return ["-an"];
  const sound = ["-map", "0:a:0?", ...SOUND_WAIT];
  if (audio === "aac" && codec !== "aac") return [...sound, "-c:a", "aac", "-b:a", "96k"];
  return COPIED_AUDIO.has(codec) ? [...sound, "-c:a", "copy"] : ["-an"];
}
