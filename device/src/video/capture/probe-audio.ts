import { execFile } from "node:child_process";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./find-program.js";

/** The codec of a camera's sound as ffmpeg names it, `none`, or `undefined` where it could not be told. */
export type AudioCodec = string | undefined;

const PROBE_MS_MAX = 15_000;

/** Asks a camera whether and how it sends sound, by the ffprobe that lies beside ffmpeg. Never rejects. */
export async function probeAudio(ffmpeg: string, input: readonly string[], signal: AbortSignal): Promise<AudioCodec> {
  const beside = ffmpeg.includes("/")
    ? join(dirname(ffmpeg), basename(ffmpeg).replace("ffmpeg", "ffprobe"))
    : "ffprobe";
  const ffprobe = await findProgram(beside);
  if (ffprobe === undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)(
      ffprobe,
      ["-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "csv=p=0", ...input],
      { signal, timeout: PROBE_MS_MAX, killSignal: "SIGKILL", maxBuffer: 64 * 1024 },
    );
    return audioCodecOf(stdout);
  } catch {
    return undefined; // a camera that is not there: the capture will say so
  }
}

/** Reads lines of `h264,video`. */
export function audioCodecOf(csv: string): AudioCodec {
  const streams = csv.split("\n").map((line) => line.trim().split(","));
  if (!streams.some(([, type]) => type === "video")) return undefined;
  return streams.find(([, type]) => type === "audio")?.[0] ?? "none";
}
