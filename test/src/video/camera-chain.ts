import { createHash } from "node:crypto";
import { cp } from "node:fs/promises";
import {
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLInput,
  type HLSFragmentSelectorType,
} from "@aws-sdk/client-kinesis-video-archived-media";
import { gaugeOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import type { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { type ArchivedFragment, fragmentsOf, type JournaledPiece, piecesOf } from "./camera-archive.js";
import { VideoClients } from "./cloud-reader.js";
import { SimulatedCamera } from "./simulated-camera.js";

export const STREAM = "front-door";

/** A camera on the network and everything that its picture goes through, each a process of its own. */
export class CameraChain {
  private constructor(
    readonly scope: Scope,
    readonly camera: SimulatedCamera,
    readonly cloud: Part,
    readonly gateway: Part,
    readonly device: Part,
    readonly clients: VideoClients,
    /** Of the device. */
    readonly data: string,
  ) {}

  static async start(scope: Scope): Promise<CameraChain> {
    const camera = await SimulatedCamera.start(scope, ["--size", "640x360"]);
    const cloud = await startCloud(scope);
    const gateway = await startGateway(scope, cloud.url, { flags: { "create-streams": true } });
    const data = await scope.directory("camera");
    const config = {
      id: "pi-1",
      gateway: gateway.address("mqtt"),
      cameras: [{ stream: STREAM, source: camera.url, audio: "off" }],
      hostSensor: { enabled: false },
    };
    const device = await startDevice(scope, config, { flags: { data } });
    return new CameraChain(scope, camera, cloud, gateway, device, new VideoClients(scope, cloud.url), data);
  }

  /** A metric of the device's camera, 0 where it is not there yet. */
  async ofCamera(name: string): Promise<number> {
    return (await this.device.metrics()).get(`headwater_device_camera_${name}{stream="${STREAM}"}`) ?? 0;
  }

  /** Waits for so many frames since the device started. */
  async frames(count: number): Promise<void> {
    const awaited = (): string => `${count} frames\n${this.device.child.describe()}`;
    await until(awaited, async () => (await this.ofCamera("frames_total")) >= count, { deadlineMs: 90_000 });
  }

  async moreFrames(count: number): Promise<void> {
    await this.frames((await this.ofCamera("frames_total")) + count);
  }

  /** What lies in the journal of a device that was killed, read from a copy: the device must find its way in its own. */
  async journaled(): Promise<JournaledPiece[]> {
    const copy = await this.scope.directory("journal");
    await cp(this.data, copy, { recursive: true });
    return await piecesOf(copy, STREAM);
  }

  /** Takes the camera from the device and waits until all that is stored is in the cloud; answers what that is. */
  async delivered(): Promise<ArchivedFragment[]> {
    const { camera, device, gateway } = this;
    // The device first: a camera that dies within a frame leaves a part of it, which players complain of.
    await device.stop();
    await camera.vanish();
    const archived = fragmentsOf(await piecesOf(this.data, STREAM));
    await device.restart();
    const left = async (): Promise<number> =>
      gaugeOf(await device.metrics(), /^headwater_device_camera_unsent_pieces\{/) +
      gaugeOf(await gateway.metrics(), /^headwater_gateway_video_(fragments_waiting|spool_bytes)\{/);
    const awaited = (): string => `all to be delivered\n${gateway.child.describe()}\n${device.child.describe()}`;
    await until(awaited, async () => (await left()) === 0, { deadlineMs: 60_000 });
    return archived;
  }

  /** A session of what is live; by producer time it has low-latency parts. */
  async liveUrl(FragmentSelectorType: HLSFragmentSelectorType): Promise<string> {
    return await this.#sessionUrl({ PlaybackMode: "LIVE", HLSFragmentSelector: { FragmentSelectorType } });
  }

  /** A session of all that there is, by producer time. */
  async recordedUrl(): Promise<string> {
    const TimestampRange = {
      StartTimestamp: new Date(Date.now() - 3_600_000),
      EndTimestamp: new Date(Date.now() + 3_600_000),
    };
    const HLSFragmentSelector = { FragmentSelectorType: "PRODUCER_TIMESTAMP", TimestampRange } as const;
    return await this.#sessionUrl({ PlaybackMode: "ON_DEMAND", HLSFragmentSelector });
  }

  async #sessionUrl(input: Omit<GetHLSStreamingSessionURLInput, "StreamName">): Promise<string> {
    const command = new GetHLSStreamingSessionURLCommand({ StreamName: STREAM, ...input });
    const { HLSStreamingSessionURL = "" } = await this.clients.archived.send(command);
    return HLSStreamingSessionURL;
  }
}

/** To compare frames, as ffprobe says it of packets. */
export function md5Of(frame: Uint8Array): string {
  return createHash("md5").update(frame).digest("hex");
}

export function md5sOf({ frames }: ArchivedFragment): string[] {
  return frames.map(({ data }) => md5Of(data));
}
