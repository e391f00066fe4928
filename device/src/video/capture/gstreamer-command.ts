import type { CameraOptions } from "../camera-options.js";
import type { CameraStreams } from "./camera-streams.js";
import type { CaptureCommand } from "./child-capture.js";

/** Frames leave as soon as they are there; with sound, in the order of their times. */
const OUTPUT = ["matroskamux", "name=mux", "streamable=true", "!", "fdsink", "fd=1"];
const AVC = ["h264parse", "!", "video/x-h264,stream-format=avc,alignment=au"];
const HEVC = ["h265parse", "!", "video/x-h265,stream-format=hvc1,alignment=au"];
const TO_MUX = ["!", "queue", "!", "mux."];

/** Sound that is passed on as it is; other codecs have no place in a Kinesis video stream. */
const COPIED_AUDIO: ReadonlyMap<string, readonly string[]> = new Map([
  ["aac", ["rtpmp4gdepay", "!", "aacparse", "!", "audio/mpeg,stream-format=raw"]],
  ["pcm_alaw", ["rtppcmadepay"]],
  ["pcm_mulaw", ["rtppcmudepay"]],
]);

/** Any sound as AAC, by whatever encoder of it is installed. */
const ENCODED_AUDIO = [
  "application/x-rtp,media=audio",
  "!",
  "decodebin",
  "!",
  "audioconvert",
  "!",
  "audioresample",
  "!",
  "encodebin",
  "profile=audio/mpeg,mpegversion=4",
];

/** What tells the streams of a camera on the network, as capabilities on standard output, and ends with a first frame. */
export function gstreamerQuestion({ program, source }: CameraOptions): CaptureCommand {
  if (source.kind !== "rtsp") throw new TypeError(`nobody asks a ${source.kind}`);
  return { program, args: ["-v", ...rtsp(source.url), "!", "fakesink", "num-buffers=1"] };
}

/**
 * GStreamer takes half the memory of ffmpeg. Its muxer waits for every track that it was given, so a camera's sound is
 * taken only where the camera announced it. It draws no test pattern.
 * @param streams of an RTSP camera; ignored for the others.
 */
export function gstreamerCommand(camera: CameraOptions, streams: CameraStreams): CaptureCommand {
  const { program, source } = camera;
  const tracks = source.kind === "rtsp" ? rtspTracks(source.url, camera.audio, streams) : [...v4l2(camera), ...TO_MUX];
  return { program, args: ["-q", ...OUTPUT, ...tracks] };
}

function rtspTracks(url: string, wanted: CameraOptions["audio"], { video, audio }: CameraStreams): string[] {
  const picture = video === "hevc" ? ["rtph265depay", "!", ...HEVC] : ["rtph264depay", "!", ...AVC];
  const sound = soundOf(wanted, audio);
  return [
    ...rtsp(url),
    "src.",
    "!",
    ...picture,
    ...TO_MUX,
    ...(sound.length === 0 ? [] : ["src.", "!", ...sound, ...TO_MUX]),
  ];
}

/** Empty where the sound is to be left out. */
function soundOf(wanted: CameraOptions["audio"], codec: string): readonly string[] {
  if (wanted === "off" || codec === "none") return [];
  if (wanted === "aac" && codec !== "aac") return ENCODED_AUDIO;
  return COPIED_AUDIO.get(codec) ?? [];
}

function rtsp(url: string): string[] {
  const { username, password } = new URL(url);
  const credentials = username === "" ? [] : [property("user-id", username), property("user-pw", password)];
  // GStreamer takes an `@` in a password for its end.
  const location = `location=${url.replace(/^([a-z]+:\/\/)[^/]*@/i, "$1")}`;
  return [
    "rtspsrc",
    "name=src",
    location,
    ...credentials,
    "protocols=tcp",
    "latency=0",
    "timeout=0",
    "tcp-timeout=5000000",
  ];
}

/** A part of a URL as a property that gst-launch does not take for a pipeline's syntax. */
function property(name: string, encoded: string): string {
  return `${name}="${decoded(encoded).replaceAll(/["\\]/g, "\\$&")}"`;
}

function decoded(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded; // a `%` that means itself
  }
}

function v4l2({ source, picture: { width, height, framesPerSecond } }: CameraOptions): string[] {
  if (source.kind !== "v4l2") throw new TypeError(`the ${source.kind} is ffmpeg's`);
  const camera = ["v4l2src", `device=${source.path}`, "do-timestamp=true", "!"];
  const size = `width=${width},height=${height},framerate=${framesPerSecond}/1`;
  if (source.format === "h264") return [...camera, `video/x-h264,${size}`, "!", ...AVC];
  const encoder = ["x264enc", "speed-preset=ultrafast", "tune=zerolatency", `key-int-max=${2 * framesPerSecond}`];
  return [...camera, "decodebin", "!", "videoconvert", "!", "videoscale", "!", ...encoder, "!", ...AVC];
}
