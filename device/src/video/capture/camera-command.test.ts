import { expect, test } from "vitest";
import { type CameraOptions, parseSource } from "../camera-options.js";
import { ffmpegCommand } from "./ffmpeg-command.js";
import { gstreamerCommand } from "./gstreamer-command.js";
import { audioCodecOf } from "./probe-audio.js";

function camera(source: string, change: Partial<CameraOptions> = {}, format?: string): CameraOptions {
  return {
    stream: "door",
    audio: "copy",
    program: "ffmpeg",
    archive: { bytesMax: 1, hoursMax: 1 },
    picture: { width: 640, height: 360, framesPerSecond: 15 },
    source: parseSource(source, format) ?? { kind: "test-pattern" },
    ...change,
  };
}

const ffmpeg = (options: CameraOptions, codec?: string): string => ffmpegCommand(options, codec).args.join(" ");

test("a camera on the network is passed on, frame by frame", () => {
  const args = ffmpeg(camera("rtsp://u:p@h/x"), "none");
  expect(args).toContain("-rtsp_transport tcp -timeout 5000000 -i rtsp://u:p@h/x -map 0:v:0 -c:v copy -an");
  expect(args).toMatch(/-cluster_time_limit 0 -flush_packets 1 -f matroska -$/);
});

test.each([
  ["copy", "aac", "-map 0:a:0? -c:a copy"],
  ["copy", "pcm_alaw", "-map 0:a:0? -c:a copy"],
  ["copy", "opus", "-an"],
  ["copy", undefined, "-map 0:a:0? -c:a copy"],
  ["aac", "aac", "-map 0:a:0? -c:a copy"],
  ["aac", "opus", "-map 0:a:0? -c:a aac"],
  ["aac", undefined, "-map 0:a:0? -c:a aac"],
  ["aac", "none", "-an"],
  ["off", "aac", "-an"],
] as const)("audio %s of a camera with %s", (audio, codec, expected) => {
  expect(ffmpeg(camera("rtsp://h/x", { audio }), codec)).toContain(`${expected} `);
});

test("what is not H.264 is encoded on the device, with a key frame every two seconds", () => {
  expect(ffmpeg(camera("/dev/video0"))).toContain("-f v4l2 -video_size 640x360 -framerate 15 -i /dev/video0");
  expect(ffmpeg(camera("/dev/video0"))).toContain("-c:v libx264");
  expect(ffmpeg(camera("/dev/video0", {}, "mjpeg"))).toMatch(/-input_format mjpeg .*-g 30 -keyint_min 30/);
  expect(ffmpeg(camera("/dev/video0", {}, "h264"))).toMatch(/-input_format h264 .*-c:v copy/);
  expect(ffmpeg(camera("test-pattern"))).toMatch(/-re -f lavfi -i testsrc2=size=640x360:rate=15 .*-c:v libx264/);
});

const gstreamer = (source: string, format?: string): string =>
  gstreamerCommand(camera(source, {}, format)).args.join(" ");

test("GStreamer's pipelines", () => {
  expect(gstreamer("rtsp://h/x")).toMatch(
    /rtspsrc location=rtsp:\/\/h\/x .*! rtph264depay ! h264parse ! .* ! fdsink fd=1$/,
  );
  expect(gstreamer("/dev/video1")).toMatch(/v4l2src device=\/dev\/video1 .* x264enc .*key-int-max=30/);
  expect(gstreamer("/dev/video1", "h264")).not.toContain("x264enc");
});

test.each([
  ["h264,video\npcm_alaw,audio\n", "pcm_alaw"],
  ["aac,audio\nh264,video\n", "aac"],
  ["h264,video\n", "none"],
  ["", undefined],
  ["aac,audio\n", undefined],
])("ffprobe's %j means %s", (csv, codec) => {
  expect(audioCodecOf(csv)).toBe(codec);
});

test.each(["http://h/x", "rtsp://", "/etc/passwd", "video0", "rtsp://h/x y", ""])("%j is no camera", (text) => {
  expect(parseSource(text)).toBeUndefined();
});
