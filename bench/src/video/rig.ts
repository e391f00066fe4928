import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CreateStreamCommand, KinesisVideoClient } from "@aws-sdk/client-kinesis-video";
import {
  GetHLSStreamingSessionURLCommand,
  KinesisVideoArchivedMediaClient,
} from "@aws-sdk/client-kinesis-video-archived-media";
import { type ServerProcess, startServer } from "../server-process.js";

export const STREAM = "camera";
const KEYS = { accessKeyId: "AKIDHEADWATERBENCH00", secretAccessKey: "headwater-bench-secret" };
const REGION = "us-east-1";
/** Until the first fragment of a stream that has just begun is there. */
const LIVE_WITHIN_MS = 60_000;

const headwater = fileURLToPath(new URL("../../../cli/bin/headwater.js", import.meta.url));

/** What AWS's clients and ours are to be told of a cloud. */
export interface CloudAccess {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: typeof KEYS;
}

/** Real processes for one question, on data of their own beside the sources: /tmp may be memory, where a sync costs nothing. */
export class Rig {
  readonly #data: string;
  readonly #servers: ServerProcess[] = [];
  readonly #ends: (() => unknown)[] = [];

  private constructor(data: string) {
    this.#data = data;
    process.once("exit", this.#kill);
  }

  static async open(): Promise<Rig> {
    return new Rig(await mkdtemp(fileURLToPath(new URL("../../.data-", import.meta.url))));
  }

  /** Where all of it lies. */
  get data(): string {
    return this.#data;
  }

  /** Something to end with the rig, the last one first; it must not fail. */
  defer(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** A cloud, without the stream. */
  async cloud(): Promise<CloudAccess> {
    const flags = ["--port", "0", "--data", join(this.#data, "cloud")];
    const { url } = await this.#start([headwater, "cloud", ...flags], {
      HEADWATER_ROOT_ACCESS_KEY: KEYS.accessKeyId,
      HEADWATER_ROOT_SECRET_KEY: KEYS.secretAccessKey,
    });
    return { endpoint: url, region: REGION, credentials: KEYS };
  }

  /** A gateway and a device with one camera, whose stream the gateway creates. @returns the device. */
  async device(cloud: CloudAccess, camera: Readonly<Record<string, unknown>>): Promise<ServerProcess> {
    const listeners = ["--mqtt-port", "0", "--http-port", "0", "--allow-anonymous", "--create-streams"];
    const upstream = ["--upstream", cloud.endpoint, "--region", REGION];
    const gateway = await this.#start(
      [headwater, "gateway", ...listeners, ...upstream, "--data", join(this.#data, "gateway")],
      { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
    );
    const config = join(this.#data, "device.yaml");
    const cameras = [{ stream: STREAM, ...camera }];
    // JSON is YAML.
    await writeFile(
      config,
      JSON.stringify({ id: "bench", gateway: gateway.address("mqtt"), cameras, hostSensor: { enabled: false } }),
    );
    const flags = ["--config", config, "--http-port", "0", "--data", join(this.#data, "device")];
    return await this.#start([headwater, "device", ...flags]);
  }

  /** Ends everything and removes the data. */
  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end();
    for (const server of this.#servers.toReversed()) await server.stop();
    process.off("exit", this.#kill);
    this.#kill();
  }

  async #start(args: readonly string[], env?: Record<string, string>): Promise<ServerProcess> {
    const server = await startServer(args, env);
    this.#servers.push(server);
    return server;
  }

  readonly #kill = (): void => {
    for (const end of this.#ends) end();
    for (const server of this.#servers) server.kill();
    rmSync(this.#data, { recursive: true, force: true });
  };
}

export async function createStream(cloud: CloudAccess): Promise<void> {
  const control = new KinesisVideoClient(cloud);
  await control.send(new CreateStreamCommand({ StreamName: STREAM, DataRetentionInHours: 1 }));
  control.destroy();
}

/** A live low-latency session of the stream, as soon as there is something to show. */
export async function liveSession(cloud: CloudAccess): Promise<string> {
  const archived = new KinesisVideoArchivedMediaClient(cloud);
  const deadlineMs = Date.now() + LIVE_WITHIN_MS;
  try {
    for (;;) {
      try {
        const { HLSStreamingSessionURL: url = "" } = await archived.send(
          new GetHLSStreamingSessionURLCommand({
            StreamName: STREAM,
            PlaybackMode: "LIVE",
            HLSFragmentSelector: { FragmentSelectorType: "PRODUCER_TIMESTAMP" },
            DisplayFragmentTimestamp: "ALWAYS",
          }),
        );
        return url;
      } catch (error) {
        const isEarly = error instanceof Error && error.name === "ResourceNotFoundException";
        if (!isEarly || Date.now() > deadlineMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    archived.destroy();
  }
}
