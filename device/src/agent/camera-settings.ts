import { isVideoStreamName } from "@headwater/protocol";
import { z } from "zod";
import { type CameraOptions, parseSource } from "../video/camera-options.js";
import { isGstreamer } from "../video/capture/open-camera.js";
import { TEST_PATTERN_WIDTH_MIN } from "../video/capture/test-pattern.js";

const ARCHIVE_BYTES_MIN = 64 * 1024 * 1024;
const ARCHIVE_BYTES_DEFAULT = 4 * 1024 * 1024 * 1024;
const ARCHIVE_HOURS_DEFAULT = 24;

const camera = z
  .strictObject({
    stream: z.string().refine(isVideoStreamName, "not a stream name"),
    source: z.string(),
    audio: z.enum(["copy", "aac", "off"]).default("copy"),
    program: z.string().min(1).default("ffmpeg"),
    format: z
      .string()
      .regex(/^[a-z0-9]+$/i)
      .optional(),
    width: z.number().int().min(16).max(8192).multipleOf(2).default(1280),
    height: z.number().int().min(64).max(8192).multipleOf(2).default(720),
    framesPerSecond: z.number().int().min(1).max(120).default(30),
    archive: z
      .strictObject({
        bytesMax: z.number().int().min(ARCHIVE_BYTES_MIN).default(ARCHIVE_BYTES_DEFAULT),
        hoursMax: z.number().positive().default(ARCHIVE_HOURS_DEFAULT),
      })
      .prefault({}),
  })
  .transform((given, context): CameraOptions => {
    const { archive, audio, format, framesPerSecond, height, program, stream, width } = given;
    const source = parseSource(given.source, format);
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (source === undefined) {
      problem("source", "rtsp://…, rtsps://…, /dev/video… or test-pattern");
      return z.NEVER;
    }
    if (format !== undefined && source.kind !== "v4l2") problem("format", "is for /dev/video… only");
    if (source.kind === "test-pattern") {
      if (isGstreamer(program)) problem("program", "the test pattern needs ffmpeg");
      if (width < TEST_PATTERN_WIDTH_MIN) problem("width", `the test pattern needs ${TEST_PATTERN_WIDTH_MIN} or more`);
    }
    return { stream, source, audio, program, picture: { width, height, framesPerSecond }, archive };
  });

/** `cameras:` of the agent's settings; docs/reference/device.md has the keys. */
export const cameras = z
  .array(camera)
  .default([])
  .superRefine((all, context) => {
    for (const [i, { stream }] of all.entries()) {
      if (all.findIndex((other) => other.stream === stream) < i) {
        context.addIssue({ code: "custom", path: [i, "stream"], message: "two cameras of one stream" });
      }
    }
  });
