import { expect, test } from "vitest";
import { type CameraOptions, parseSource } from "../camera-options.js";
import { streamsFromFfmpeg, streamsFromGstreamer } from "./camera-streams.js";
import { ffmpegCommand } from "./ffmpeg-command.js";
import { gstreamerCommand } from "./gstreamer-command.js";

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

const ffmpeg = (options: CameraOptions, codec = "none"): string => ffmpegCommand(options, codec).args.join(" ");

test("a camera on the network is passed on, frame by frame", () => {
  const args = ffmpeg(camera("rtsp://u:p@h/x"), "none");
  expect(args).toContain("-rtsp_transport tcp -timeout 5000000 -i rtsp://u:p@h/x -map 0:v:0 -c:v copy -an");
  expect(args).toMatch(/-cluster_time_limit 0 -flush_packets 1 -f matroska -$/);
});

test.each([
  ["copy", "aac", "-c:a copy"],
  ["copy", "pcm_alaw", "-c:a copy"],
  ["copy", "opus", "-an"],
  ["aac", "aac", "-c:a copy"],
  ["aac", "opus", "-c:a aac"],
  ["aac", "none", "-an"],
  ["off", "aac", "-an"],
] as const)("audio %s of a camera with %s", (audio, codec, expected) => {
  const args = ffmpeg(camera("rtsp://h/x", { audio }), codec);
  expect(args).toContain(`${expected} `);
  // A sound that stops must not hold the picture back.
  expect(args.includes("-map 0:a:0? -max_interleave_delta 500000")).toBe(expected !== "-an");
});

test("what is not H.264 is encoded on the device, with a key frame every two seconds", () => {
  expect(ffmpeg(camera("/dev/video0"))).toContain("-f v4l2 -video_size 640x360 -framerate 15 -i /dev/video0");
  expect(ffmpeg(camera("/dev/video0"))).toContain("-c:v libx264");
  expect(ffmpeg(camera("/dev/video0", {}, "mjpeg"))).toMatch(/-input_format mjpeg .*-g 30 -keyint_min 30/);
  expect(ffmpeg(camera("/dev/video0", {}, "h264"))).toMatch(/-input_format h264 .*-c:v copy/);
  expect(ffmpeg(camera("test-pattern"))).toMatch(/-re -f lavfi -i testsrc2=size=640x360:rate=15 .*-c:v libx264/);
});

const gstreamer = (options: CameraOptions, audio = "none", video = "h264"): string =>
  gstreamerCommand(options, { video, audio }).args.join(" ");

test("GStreamer's pipelines", () => {
  expect(gstreamer(camera("rtsp://h/x"))).toMatch(
    /^-q matroskamux .* ! fdsink fd=1 rtspsrc name=src location=rtsp:\/\/h\/x .* src\. ! rtph264depay ! .* ! mux\.$/,
  );
  expect(gstreamer(camera("rtsp://h/x"), "none", "hevc")).toContain("! rtph265depay ! h265parse !");
  expect(gstreamer(camera("/dev/video1"))).toMatch(
    /v4l2src device=\/dev\/video1 .* x264enc .*key-int-max=30 .* ! mux\.$/,
  );
  expect(gstreamer(camera("/dev/video1", {}, "h264"))).not.toContain("x264enc");
});

test.each([
  ["copy", "aac", "src. ! rtpmp4gdepay"],
  ["copy", "pcm_mulaw", "src. ! rtppcmudepay"],
  ["copy", "opus", ""],
  ["copy", "none", ""],
  ["aac", "aac", "src. ! rtpmp4gdepay"],
  ["aac", "pcm_alaw", "! decodebin !"],
  ["off", "aac", ""],
] as const)("GStreamer with audio %s of a camera with %s", (audio, codec, expected) => {
  const args = gstreamer(camera("rtsp://h/x", { audio }), codec);
  // It waits for every track that it is told of.
  expect(args.match(/src\. !/g)).toHaveLength(expected === "" ? 1 : 2);
  expect(args).toContain(expected);
});

test("GStreamer is told a password apart from the address, so that it may hold anything", () => {
  const args = gstreamer(camera('rtsp://ad%20min:p@s%25s"!\\@h:8554/x?a=b@c'));
  expect(args).toContain(
    String.raw`location=rtsp://h:8554/x?a=b@c user-id="ad min" user-pw="p@s%s\"!\\" protocols=tcp`,
  );
  expect(gstreamer(camera("rtsp://u:100%@h/x"))).toContain('user-pw="100%"');
});

test.each([
  ["  Stream #0:0: Video: h264 (Main), yuvj420p\n  Stream #0:1: Audio: pcm_alaw, 8000 Hz\n", "h264 pcm_alaw"],
  ["  Stream #0:0: Audio: aac (LC), 44100 Hz\n  Stream #0:1[0x1](und): Video: hevc, none\n", "hevc aac"],
  ["  Stream #0:0: Video: mjpeg (Baseline), yuvj422p\n", "mjpeg none"],
  ["  Stream #0:0: Audio: aac\n", "none aac"],
  ["rtsp://h/x: Connection refused\n", undefined],
])("ffmpeg's %j means %s", (said, expected) => {
  const streams = streamsFromFfmpeg(said);
  expect(streams && `${streams.video} ${streams.audio}`).toBe(expected);
});

const pad = (media: string, encoding: string): string =>
  `/GstRTSPSrc:src/GstRtpBin:manager.GstGhostPad:recv_rtp_sink_0: caps = application/x-rtp, media=(string)${media}, payload=(int)96, clock-rate=(int)90000, encoding-name=(string)${encoding}, a-tool=(string)x\n`;

test.each([
  [pad("video", "H264") + pad("video", "H264"), "h264 none"],
  [pad("audio", "PCMU") + pad("video", "H265"), "hevc pcm_mulaw"],
  [pad("video", "JPEG") + pad("audio", "MPEG4-GENERIC"), "mjpeg aac"],
  [pad("application", "VND.ONVIF.METADATA") + pad("video", "H264") + pad("audio", "OPUS"), "h264 opus"],
  [pad("audio", "PCMA"), "none pcm_alaw"],
  ["Setting pipeline to PAUSED ...\n", undefined],
])("GStreamer's capabilities %#", (said, expected) => {
  const streams = streamsFromGstreamer(said);
  expect(streams && `${streams.video} ${streams.audio}`).toBe(expected);
});

test.each(["http://h/x", "rtsp://", "/etc/passwd", "video0", "rtsp://h/x y", ""])("%j is no camera", (text) => {
  expect(parseSource(text)).toBeUndefined();
});
