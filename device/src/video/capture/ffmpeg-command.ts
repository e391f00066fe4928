import type { CameraOptions, Picture } from "../camera-options.js";
import type { CaptureCommand } from "./child-capture.js";
import type { AudioCodec } from "./probe-audio.js";
import { testPatternFilter } from "./test-pattern.js";

/** Frames leave as soon as they are there; otherwise Matroska comes in bursts of 0.7 s. */
const OUTPUT = ["-cluster_time_limit", "0", "-flush_packets", "1", "-f", "matroska", "-"];
const NETWORK_TIMEOUT_MICROSECONDS = 5_000_000;
const KEY_FRAME_EVERY_SECONDS = 2;
/** Sound that is passed on as it is; other codecs have no place in a Kinesis video stream. */
const COPIED_AUDIO = new Set(["aac", "pcm_alaw", "pcm_mulaw"]);

/** @param audioCodec of an RTSP camera; ignored for the others, which are silent. */
export function ffmpegCommand(camera: CameraOptions, audioCodec: AudioCodec): CaptureCommand {
  const quiet = ["-hide_banner", "-loglevel", "warning", "-nostdin"];
  const args = [...quiet, ...ffmpegInput(camera), "-map", "0:v:0", ...video(camera), ...audio(camera, audioCodec)];
  return { program: camera.program, args: [...args, ...OUTPUT] };
}

/** What ffmpeg and ffprobe are told of where the video comes from. */
export function ffmpegInput({ source, picture }: CameraOptions): string[] {
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

function audio({ source, audio }: CameraOptions, codec: AudioCodec): string[] {
  if (source.kind !== "rtsp" || audio === "off" || codec === "none") return ["-an"];
  const isAac = codec === "aac";
  if (audio === "aac" && !isAac) return ["-map", "0:a:0?", "-c:a", "aac", "-b:a", "96k"];
  const isCopied = codec === undefined || COPIED_AUDIO.has(codec);
  return isCopied ? ["-map", "0:a:0?", "-c:a", "copy"] : ["-an"];
}
