import type { Clock } from "@headwater/log";
import type { Logger } from "pino";
import type { Registry } from "../prometheus.js";
import type { KnownGateway } from "../control/known-gateways.js";
import type { StreamService } from "../streams/stream-service.js";
import type { LiveSession } from "../video/hls/live-sessions.js";
import { loadAssets } from "./assets.js";
import { Console } from "./console.js";
import { StateGatherer, type StreamSource } from "./console-state.js";
import { isLoopbackAddress } from "./loopback-guard.js";

const CLIENTS_MAX = 16;
const VIDEOS_MAX = 50;

export interface ConsoleSurroundings {
  readonly service: StreamService;
  readonly gateways: { list(): readonly KnownGateway[] };
  /** What plays the live video streams, so many at most. */
  readonly liveVideo: (countMax: number) => readonly LiveSession[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** The address that the cloud was told to listen on. */
  readonly host: string;
}

/** Loads the page and makes the console's routes. */
export async function startConsole(surroundings: ConsoleSurroundings): Promise<Console> {
  const { service, gateways, liveVideo, clock, logger, registry, host } = surroundings;
  const streams: StreamSource = {
    listStreams: () => service.listStreams(),
    shardViews: (streamName) => {
      const stream = service.lookUp(streamName);
      return stream?.isServing === true ? stream.shards : [];
    },
  };
  const facts = { region: service.region, accountId: service.accountId, startedMs: clock.now() };
  return new Console({
    assets: await loadAssets(),
    streams,
    gatherer: new StateGatherer(facts, streams, gateways),
    liveVideo: () => liveVideo(VIDEOS_MAX),
    clock,
    registry,
    listensOnLoopback: host === "localhost" || isLoopbackAddress(host),
    clientsMax: CLIENTS_MAX,
    readFailed: (stream, error) => logger.error({ err: error, stream }, "could not read a stream for the console"),
  });
}
