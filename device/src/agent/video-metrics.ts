import { Counter, Gauge, type Registry } from "./prometheus.js";
import type { CameraState, Video } from "../video/video.js";

/** A metric of each camera; `read` answers its values by cause where it has causes. */
interface CameraMetric {
  readonly name: string;
  readonly help: string;
  readonly read: (camera: CameraState) => number | Readonly<Record<string, number>>;
}

const cameraMetrics: readonly CameraMetric[] = [
  { name: "capturing", help: "1 while frames are coming", read: ({ isCapturing }) => Number(isCapturing) },
  { name: "captures_total", help: "Captures begun", read: ({ captures }) => captures },
  { name: "faults_total", help: "Captures that ended by themselves", read: ({ faults }) => faults },
  { name: "frames_total", help: "Frames that came", read: ({ frames }) => frames },
  { name: "dropped_frames_total", help: "Frames not stored", read: ({ droppedFrames }) => droppedFrames },
  { name: "dropped_gops_total", help: "Groups of pictures cut short", read: ({ droppedGops }) => droppedGops },
  { name: "stored_pieces_total", help: "Pieces stored", read: ({ storedPieces }) => storedPieces },
  { name: "stored_bytes_total", help: "Bytes of frames stored", read: ({ storedBytes }) => storedBytes },
  { name: "archive_bytes", help: "Bytes that the archive holds", read: ({ archiveBytes }) => archiveBytes },
  {
    name: "restart_gap_seconds_total",
    help: "Seconds from the last frame stored before the start to the first after it",
    read: ({ restartGapMs }) => restartGapMs / 1000,
  },
  {
    name: "unsent_pieces",
    help: "Pieces that the gateway has not acknowledged",
    read: ({ unsentPieces }) => unsentPieces,
  },
  { name: "expired_fragments_total", help: "Fragments given up unsent", read: ({ expired }) => expired },
];

/** Adds the metrics of cameras and of their connection, read at each scrape. */
export function registerVideoMetrics(registry: Registry, video: Video): void {
  for (const metric of cameraMetrics) registerCameraMetric(registry, video, metric);
  const connected = new Gauge({
    name: "headwater_device_video_connected",
    help: "1 while the video connection to the gateway stands",
    registers: [],
    collect() {
      this.set(Number(video.state().uplink.connected));
    },
  });
  const faults = new Counter({
    name: "headwater_device_video_connection_faults_total",
    help: "Video connections lost or not made",
    labelNames: ["cause"],
    registers: [],
    collect() {
      this.reset();
      for (const [cause, count] of Object.entries(video.state().uplink.faults)) this.inc({ cause }, count);
    },
  });
  for (const metric of [connected, faults]) registry.registerMetric(metric);
}

function registerCameraMetric(registry: Registry, video: Video, { name, help, read }: CameraMetric): void {
  const each = (put: (labels: Record<string, string>, value: number) => void): void => {
    for (const camera of video.state().cameras) {
      const { stream } = camera;
      const value = read(camera);
      if (typeof value === "number") put({ stream }, value);
      else for (const [cause, count] of Object.entries(value)) put({ stream, cause }, count);
    }
  };
  const about = { name: `headwater_device_camera_${name}`, help, labelNames: ["stream", "cause"], registers: [] };
  const metric = name.endsWith("_total")
    ? new Counter({
        ...about,
        collect() {
          this.reset();
          each((labels, value) => this.inc(labels, value));
        },
      })
    : new Gauge({
        ...about,
        collect() {
          each((labels, value) => this.set(labels, value));
        },
      });
  registry.registerMetric(metric);
}
