import type { DeviceRegistry } from "../devices/device-registry.js";
import { Spool } from "../spool/spool.js";
import { AwsVideoUpstream, type AwsVideoUpstreamOptions } from "./aws-video-upstream.js";
import { VideoIngest } from "./video-ingest.js";
import { VideoUplink, type VideoUplinkOptions } from "./video-uplink.js";

export interface VideoOptions extends Omit<VideoUplinkOptions, "upstream">, AwsVideoUpstreamOptions {
  /** Of pieces that wait. */
  readonly bytesMax: number;
  /** How long a message waits for room before its connection is ended. */
  readonly waitMs: number;
  readonly devices: DeviceRegistry;
  /** For what goes wrong beside the appends. */
  readonly onTrouble: (error: unknown) => void;
}

/** The gateway's video: what takes it in, what keeps it, what sends it on. */
export interface Video {
  readonly ingest: VideoIngest;
  readonly spool: Spool;
  /** Ends the forwarding. */
  close(): Promise<void>;
}

const STREAMS_MAX = 100;

/** Opens the video's spool, goes on forwarding what lies in it, and shows all of it in the metrics. */
export async function openVideo(options: VideoOptions): Promise<Video> {
  const { log, bytesMax, waitMs, deadLetters, devices, metrics, onTrouble } = options;
  const { endpoint, region, credentials, createStreams } = options;
  const upstream = new AwsVideoUpstream({ endpoint, region, credentials, createStreams });
  const uplink = new VideoUplink({ ...options, upstream });
  const spool = await Spool.open({
    log,
    prefix: "video/",
    bytesMax,
    waitMs,
    streamsMax: STREAMS_MAX,
    metrics,
    onCommitted: ({ records, bytes }) => {
      metrics.videoPiecesCommitted.inc(records);
      metrics.videoBytesCommitted.inc(bytes);
    },
    onTrouble,
    onStream: (name, stream) => uplink.start(name, stream),
  });
  metrics.gauge("video_spool_bytes_max", "Bytes that the video spool may hold", () => spool.bytesMax);
  metrics.gauge("video_spool_full", "1 while pieces wait for room in the video spool", () =>
    spool.room.isFull ? 1 : 0,
  );
  metrics.labelledGauge("video_spool_bytes", "Bytes of pieces kept in the spool", "stream", () =>
    Object.fromEntries([...spool.streams].map(([name, { bytes }]) => [name, bytes])),
  );
  metrics.labelledGauge("video_fragments_waiting", "Fragments that are not persisted upstream", "stream", () =>
    uplink.waiting(),
  );
  return {
    ingest: new VideoIngest({ spool, deadLetters, devices, metrics }),
    spool,
    async close() {
      await uplink.stop();
      await spool.sweep().catch(onTrouble);
    },
  };
}
