import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { MatroskaEvent } from "./event.js";
import {
  clusterStart,
  documentHeader,
  endOfFragment,
  simpleBlock,
  tagsElement,
  type WrittenTrack,
} from "./matroska-writer.js";
import { eventsOf, readAll } from "./testing/read-all.js";

// ffmpeg is the judge of both reader and writer.

interface Packet {
  readonly track: number;
  readonly pts: number;
  readonly isKey: boolean;
  readonly data: string;
}

function run(command: string, args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, ["-v", "error", ...args], { input, maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.toString()}`);
  // What it merely complains of would be a fault of ours.
  expect(stderr.toString()).toBe("");
  return stdout;
}

/** All packets in the file's order, as ffprobe sees them. */
function ffprobePackets(matroska: Buffer): Packet[] {
  const args = ["-show_packets", "-show_data_hash", "md5", "-of", "json", "-f", "matroska", "-"];
  const { packets } = JSON.parse(run("ffprobe", args, matroska).toString()) as {
    packets: { stream_index: number; pts: number; flags: string; size: string; data_hash: string }[];
  };
  return packets.map(({ stream_index, pts, flags, size, data_hash }) => ({
    track: stream_index + 1,
    pts,
    isKey: flags.startsWith("K"),
    data: `${size} bytes, ${data_hash}`,
  }));
}

/** The same, as we see them. */
function ourPackets(events: readonly MatroskaEvent[]): Packet[] {
  return events
    .filter((event) => event.kind === "frame")
    .map(({ track, timecodeMs, isKey, data }) => ({
      track,
      pts: timecodeMs,
      isKey,
      data: `${data.length} bytes, MD5:${createHash("md5").update(data).digest("hex")}`,
    }));
}

/** Three seconds of a test picture and a tone; with B-frames, so that presentation times are not in order. */
function encode(audioCodec: string, ...output: readonly string[]): Buffer {
  const picture = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25"];
  const tone = ["-f", "lavfi", "-i", "sine=sample_rate=16000"];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25"];
  return run("ffmpeg", [...picture, ...tone, "-t", "3", ...video, "-c:a", audioCodec, "-f", "matroska", ...output]);
}

const live = encode.bind(
  undefined,
  "aac",
  "-cluster_time_limit",
  "0",
  "-flush_packets",
  "1",
  "-metadata",
  "title=hall",
  "-",
);

/** Written anew as a producer would: a Cluster from each key frame of the first track, with a tag, its end told. */
function rewrite(events: readonly MatroskaEvent[]): Buffer {
  const written: Uint8Array[] = [];
  let clusterMs: number | undefined;
  for (const event of events) {
    if (event.kind === "tracks") {
      const tracks = event.tracks.filter((track): track is WrittenTrack => track.type !== "other");
      written.push(documentHeader({ tracks, writingApp: "Headwater", title: "hall" }));
    }
    if (event.kind !== "frame") continue;
    const { track, isKey, data, timecodeMs } = event;
    if (clusterMs === undefined || (track === 1 && isKey)) {
      if (clusterMs !== undefined) written.push(tagsElement([{ name: "site", value: "hall" }]), endOfFragment());
      clusterMs = timecodeMs;
      written.push(clusterStart(BigInt(clusterMs)));
    }
    written.push(...simpleBlock({ track, isKey, data, relativeTimecode: timecodeMs - clusterMs }));
  }
  return Buffer.concat([...written, endOfFragment()]);
}

describe("against ffmpeg", () => {
  test("a live stream: each frame, its time, whether it is a key frame", () => {
    const stream = live();
    const { events, error } = readAll(stream, [65_536]);
    expect(error).toBeUndefined();
    const packets = ourPackets(events);
    expect(packets.length).toBeGreaterThan(100);
    expect(packets).toEqual(ffprobePackets(stream));
    expect(packets.filter(({ track, isKey }) => track === 1 && isKey).map(({ pts }) => Math.round(pts / 1000))).toEqual(
      [0, 1, 2],
    );
    expect(readAll(stream, [1, 7, 100, 65_536])).toEqual({ events, error });

    const [document, tracks] = events;
    expect(document).toMatchObject({ docType: "matroska", timecodeScaleNs: 1_000_000, title: "hall" });
    expect(tracks).toMatchObject({
      tracks: [
        { number: 1, type: "video", codecId: "V_MPEG4/ISO/AVC", video: { width: 320, height: 180 } },
        { number: 2, type: "audio", codecId: "A_AAC", audio: { sampleRateHz: 16000, channels: 1 } },
      ],
    });
  });

  test("a file with sizes, checksums and an index", () => {
    const folder = mkdtempSync(join(tmpdir(), "matroska-"));
    try {
      encode("pcm_mulaw", join(folder, "file.mkv"));
      const file = readFileSync(join(folder, "file.mkv"));
      const events = eventsOf(file);
      expect(ourPackets(events)).toEqual(ffprobePackets(file));
      expect(events[1]).toMatchObject({ tracks: [{ type: "video" }, { type: "audio", codecId: "A_MS/ACM" }] });

      // The header to store makes a stream of any of its Clusters: here of the second.
      const header = (events[0] as { header: Buffer }).header;
      const clusters = events.flatMap((event, index) => (event.kind === "cluster" ? index : []));
      const second = events.slice(clusters[1], clusters[2]);
      const start = second[0] as { timecode: bigint; timecodeMs: number };
      const frames = second.filter((event) => event.kind === "frame");
      const stored = frames.flatMap((frame) =>
        simpleBlock({ ...frame, relativeTimecode: frame.timecodeMs - start.timecodeMs }),
      );
      const stream = Buffer.concat([header, clusterStart(start.timecode), ...stored]);
      expect(ffprobePackets(stream)).toEqual(ourPackets(frames));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("what we write, ffmpeg reads and decodes without a complaint", () => {
    const events = eventsOf(live());
    const written = rewrite(events);
    expect(ffprobePackets(written)).toEqual(ourPackets(events));
    run("ffmpeg", ["-xerror", "-i", "-", "-f", "null", "-"], written);
    const { format, streams } = JSON.parse(
      run("ffprobe", ["-show_format", "-show_streams", "-of", "json", "-"], written).toString(),
    ) as { format: object; streams: object[] };
    expect(format).toMatchObject({ format_name: "matroska,webm", tags: { title: "hall" } });
    expect(streams).toMatchObject([
      { codec_name: "h264", width: 320, height: 180 },
      { codec_name: "aac", sample_rate: "16000", channels: 1 },
    ]);
  });
});
