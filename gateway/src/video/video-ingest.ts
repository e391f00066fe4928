import {
  decodePiece,
  decodeVideoEnvelope,
  isVideoStreamName,
  lanes,
  UplinkError,
  type VideoEnvelope,
  type VideoPiece,
} from "@headwater/protocol";
import type { DeviceRegistry } from "../devices/device-registry.js";
import { Refusal } from "../gateway-error.js";
import { isAllowed } from "../ingest/permission.js";
import { putAside } from "../ingest/put-aside.js";
import type { Session } from "../listener/session.js";
import type { GatewayMetrics } from "../metrics.js";
import type { DeadLetter, DeadLetterReason, DeadLetters } from "../spool/dead-letters.js";
import type { Spool } from "../spool/spool.js";

const LANES: ReadonlySet<number> = new Set([lanes.videoLive, lanes.videoBackfill]);

/**
 * Takes a piece of video to the disk, as records are taken: what resolves is synced or was before, what can never be
 * delivered is put aside, and what cannot be taken now is refused.
 */
export class VideoIngest {
  readonly #spool: Spool;
  readonly #deadLetters: DeadLetters;
  readonly #devices: DeviceRegistry;
  readonly #metrics: GatewayMetrics;

  constructor(parts: {
    /** The video's own: pictures that wait take no room from records. */
    readonly spool: Spool;
    readonly deadLetters: DeadLetters;
    readonly devices: DeviceRegistry;
    readonly metrics: GatewayMetrics;
  }) {
    this.#spool = parts.spool;
    this.#deadLetters = parts.deadLetters;
    this.#devices = parts.devices;
    this.#metrics = parts.metrics;
  }

  /**
   * Takes its place in the order of the session's messages before it returns.
   * @throws {Refusal} The session has failed then: nothing that it sends later is taken.
   */
  async publish(session: Session, device: string, topic: string, payload: Buffer): Promise<void> {
    let envelope: VideoEnvelope;
    let piece: VideoPiece;
    try {
      envelope = decodeVideoEnvelope(payload);
      piece = decodePiece(envelope.piece);
    } catch (error) {
      if (!(error instanceof UplinkError)) throw error;
      // A newer gateway will understand it: the device keeps it until then.
      if (error.code === "unsupported-version") throw failed(session, error.message);
      const reason = error.code === "field-too-long" ? "malformed-piece" : error.code;
      return this.#putAside(session, { reason, detail: error.message, device, topic, payload });
    }
    const { spoolId, lane, sequence, piece: data } = envelope;
    if (!LANES.has(lane)) throw failed(session, `lane ${lane} is none of video`);
    const { stream } = piece;
    const problem = this.#problemOf(session, stream);
    if (problem !== undefined) {
      return this.#putAside(session, { ...problem, device, topic, stream, payload });
    }
    await this.#spool.room.admit(session, data.length, () =>
      this.#spool.withStream(session, stream, async (spool) => {
        const items = [{ sequence, data: [data], bytes: data.length }];
        const { repeats } = await spool.acceptSequenced(session, { device, spoolId, lane }, items);
        this.#metrics.videoPiecesRepeated.inc(repeats);
      }),
    );
    this.#devices.committed(session, { records: 0, bytes: payload.length });
  }

  #problemOf(session: Session, stream: string): { reason: DeadLetterReason; detail: string } | undefined {
    if (!isVideoStreamName(stream)) return { reason: "malformed-piece", detail: "stream name" };
    if (!isAllowed(session, `video/${stream}`))
      return { reason: "not-allowed", detail: "no topic filter of the user allows it" };
    if (!this.#spool.hasPlaceFor(stream))
      return { reason: "too-many-streams", detail: "the gateway keeps no more video streams" };
    return undefined;
  }

  #putAside(session: Session, letter: DeadLetter): Promise<void> {
    return this.#spool.room.admit(session, letter.payload.length, () => putAside(this.#deadLetters, session, letter));
  }
}

/** In the same turn: the session's next message may be handed over before a promise is heard of. */
function failed(session: Session, message: string): Refusal {
  const refusal = new Refusal("unsupported-version", message);
  session.fail(refusal);
  return refusal;
}
