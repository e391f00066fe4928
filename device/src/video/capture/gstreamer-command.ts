import type { CameraOptions } from "../camera-options.js";
import type { CaptureCommand } from "./child-capture.js";

/** GStreamer takes half the memory of ffmpeg; here it brings H.264 only, no sound, and draws no test pattern. */
export function gstreamerCommand({ program, source, picture }: CameraOptions): CaptureCommand {
  return { program, args: ["-q", ...input(source, picture), "!", ...OUTPUT] };
}

const OUTPUT = ["matroskamux", "streamable=true", "!", "fdsink", "fd=1"];

function input(
  source: CameraOptions["source"],
  { width, height, framesPerSecond }: CameraOptions["picture"],
): string[] {
  const avc = ["h264parse", "!", "video/x-h264,stream-format=avc,alignment=au"];
  if (source.kind === "rtsp") {
    const from = [
      "rtspsrc",
      `location=${source.url}`,
      "protocols=tcp",
      "latency=0",
      "timeout=0",
      "tcp-timeout=5000000",
    ];
    return [...from, "!", "rtph264depay", "!", ...avc];
  }
  if (source.kind === "test-pattern") throw new TypeError("the test pattern is ffmpeg's");
  const camera = ["v4l2src", `device=${source.path}`, "do-timestamp=true", "!"];
  const size = `width=${width},height=${height},framerate=${framesPerSecond}/1`;
  if (source.format === "h264") return [...camera, `video/x-h264,${size}`, "!", ...avc];
  const encoder = ["x264enc", "speed-preset=ultrafast", "tune=zerolatency", `key-int-max=${2 * framesPerSecond}`];
  return [...camera, "decodebin", "!", "videoconvert", "!", "videoscale", "!", ...encoder, "!", ...avc];
}
