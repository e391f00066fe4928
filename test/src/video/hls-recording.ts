import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { frameFromAnnexB, sliceUnitsOf } from "@headwater/protocol/h264";
import { MatroskaReader } from "@headwater/protocol/matroska";
import type { Scope } from "../harness/scope.js";

/** What a program makes of one track: packets in decode order. */
export interface Packet {
  readonly md5: string;
  readonly timeMs: number;
}

export interface Recording {
  readonly bytes: Buffer;
  readonly video: readonly Packet[];
  readonly audio: readonly Packet[];
}

/**
 * A Matroska document as ffmpeg writes it: H.264 at 25 frames a second with B-frames, a key frame each second, and AAC.
 * @param startMs when its time begins.
 */
export function record(seconds: number, startMs: number): Recording {
  const { status, stdout, stderr } = spawnSync("ffmpeg", wordsFor("", `-t ${seconds} ${offset(startMs)}`), {
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`ffmpeg: ${stderr.toString()}`);
  const tracks: Packet[][] = [[], []];
  for (const event of new MatroskaReader().push(stdout)) {
    if (event.kind === "frame") tracks[event.track - 1]?.push({ md5: md5(event.data), timeMs: event.timecodeMs });
  }
  const [pictures = [], sounds = []] = tracks;
  return { bytes: stdout, video: pictures, audio: sounds };
}

/** The same without end, as fast as it is to be seen. @param onBytes the next are waited for until it resolves. */
export function recordLive(scope: Scope, onBytes: (bytes: Buffer) => Promise<void>): void {
  const encoder = spawn("ffmpeg", wordsFor("-re ", offset(Date.now())), { stdio: ["ignore", "pipe", "inherit"] });
  scope.defer(() => encoder.kill("SIGKILL"));
  void (async () => {
    for await (const bytes of encoder.stdout as AsyncIterable<Buffer>) await onBytes(bytes);
  })();
}

function wordsFor(pace: string, output: string): string[] {
  const inputs = `${pace}-f lavfi -i testsrc2=size=320x180:rate=25 ${pace}-f lavfi -i sine=sample_rate=48000`;
  const video = "-c:v libx264 -preset veryfast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 -pix_fmt yuv420p";
  const muxer = "-f matroska -cluster_time_limit 1000 -flush_packets 1 pipe:1";
  return `-v error -nostdin ${inputs} ${video} -c:a aac -ac 2 ${output} ${muxer}`.split(" ");
}

function offset(startMs: number): string {
  return `-output_ts_offset ${startMs / 1000}`;
}

export interface ProbedHls {
  readonly video: readonly Packet[];
  readonly audio: readonly Packet[];
  readonly pictures: number;
  /** Empty where all is well. */
  readonly complaints: string;
}

/** Reads and decodes an HLS URL to its end with ffprobe. */
export function probeHls(url: string): ProbedHls {
  const words = "-v error -show_packets -show_streams -show_data_hash md5 -count_frames -of json".split(" ");
  const { status, stdout, stderr } = spawnSync("ffprobe", [...words, url], {
    maxBuffer: 1 << 28,
    encoding: "utf8",
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`ffprobe: ${stderr}`);
  const { packets, streams } = JSON.parse(stdout) as {
    packets: { codec_type: string; pts_time: string; data_hash: string }[];
    streams: { codec_type: string; nb_read_frames: string }[];
  };
  const of = (type: string): Packet[] =>
    packets
      .filter(({ codec_type }) => codec_type === type)
      .map(({ pts_time, data_hash }) => ({
        md5: data_hash.replace(/^md5:/i, "").toLowerCase(),
        timeMs: Number(pts_time) * 1000,
      }));
  const pictures = Number(streams.find(({ codec_type }) => codec_type === "video")?.nb_read_frames);
  return { video: of("video"), audio: of("audio"), pictures, complaints: stderr };
}

const ANNEX_B = "video/x-h264,stream-format=byte-stream,alignment=au";

/** The slices of H.264 alone that GStreamer plays from an HLS URL to its end. */
export function slicesByGStreamer(url: string): string[] {
  const pipeline = `souphttpsrc location=${url} ! hlsdemux ! qtdemux ! h264parse ! ${ANNEX_B} ! fdsink`;
  const { status, stdout, stderr } = spawnSync("gst-launch-1.0", ["-q", ...pipeline.split(" ")], {
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`GStreamer: ${stderr.toString()}`);
  return sliceUnitsOf(frameFromAnnexB(stdout), 4).map(md5);
}

function md5(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}
