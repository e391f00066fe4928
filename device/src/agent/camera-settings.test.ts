import { expect, test } from "vitest";
import { settings } from "./settings.js";

const parse = (...cameras: readonly unknown[]) =>
  settings.safeParse({ data: "d", gateway: "mqtt://g", cameras: [...cameras] });

test("stream and source suffice", () => {
  expect(parse({ stream: "door", source: "rtsp://camera/main" }).data?.cameras).toEqual([
    {
      stream: "door",
      source: { kind: "rtsp", url: "rtsp://camera/main" },
      audio: "copy",
      program: "ffmpeg",
      picture: { width: 1280, height: 720, framesPerSecond: 30 },
      archive: { bytesMax: 4 * 1024 ** 3, hoursMax: 24 },
    },
  ]);
});

test.each([
  ["no source", [{ stream: "a" }], ["cameras.0.source"]],
  ["a source of another kind", [{ stream: "a", source: "http://h" }], ["cameras.0.source"]],
  ["a stream's name", [{ stream: "a/b", source: "test-pattern" }], ["cameras.0.stream"]],
  ["an unknown key", [{ stream: "a", source: "test-pattern", sauce: 1 }], ["cameras.0"]],
  [
    "a small archive",
    [{ stream: "a", source: "/dev/video0", archive: { bytesMax: 1 } }],
    ["cameras.0.archive.bytesMax"],
  ],
  ["a format of no use", [{ stream: "a", source: "rtsp://h/", format: "h264" }], ["cameras.0.format"]],
  [
    "what GStreamer cannot do",
    [{ stream: "a", source: "test-pattern", program: "/usr/bin/gst-launch-1.0" }],
    ["cameras.0.program"],
  ],
  ["a picture too narrow for the marks", [{ stream: "a", source: "test-pattern", width: 320 }], ["cameras.0.width"]],
  [
    "two cameras of one stream",
    [
      { stream: "a", source: "test-pattern" },
      { stream: "a", source: "/dev/video0" },
    ],
    ["cameras.1.stream"],
  ],
])("refuses %s", (_name, cameras, keys) => {
  expect(
    parse(...cameras)
      .error?.issues.map(({ path }) => path.join("."))
      .sort(),
  ).toEqual(keys);
});
