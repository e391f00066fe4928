import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A packet as ffprobe read it; times in ticks of the track. */
export interface Packet {
  readonly pts: number;
  readonly dts: number;
  readonly isKey: boolean;
  readonly md5: string;
}

/** What ffprobe says of an MP4: its stream, its packets, and what its decoder complains about. */
export interface Probed {
  readonly stream: Readonly<Record<string, unknown>>;
  readonly packets: readonly Packet[];
  readonly framesDecoded: number;
  /** Empty where all is well. */
  readonly complaints: string;
}

export function probed(file: readonly Uint8Array[]): Probed {
  const directory = mkdtempSync(join(tmpdir(), "headwater-mp4-"));
  const path = join(directory, "probed.mp4");
  try {
    writeFileSync(path, Buffer.concat(file));
    const shows = ["-show_streams", "-show_packets", "-show_data_hash", "md5", "-count_frames", "-of", "json"];
    // Counting frames decodes them all.
    const { stdout, stderr, status } = spawnSync("ffprobe", ["-v", "error", ...shows, path], {
      maxBuffer: 1 << 28,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`ffprobe: ${stderr}`);
    const { streams, packets } = JSON.parse(stdout) as {
      streams: Record<string, unknown>[];
      packets: { pts: number; dts: number; flags: string; data_hash: string }[];
    };
    return {
      stream: streams[0] ?? {},
      packets: packets.map(({ pts, dts, flags, data_hash }) => ({
        pts,
        dts,
        isKey: flags.startsWith("K"),
        md5: data_hash.replace(/^md5:/i, "").toLowerCase(),
      })),
      framesDecoded: Number(streams[0]?.["nb_read_frames"]),
      complaints: stderr,
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function md5Of(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}
