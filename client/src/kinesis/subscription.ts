import {
  type KinesisClient,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
  type SubscribeToShardEventStream,
} from "@aws-sdk/client-kinesis";
import { ClientError } from "../client-error.js";
import { unlessAborted } from "../unless-aborted.js";
import type { ReadFrom } from "./stream-api.js";
import { toClientError } from "./to-client-error.js";

/** Something comes every five seconds, if only an empty event. */
const SILENCE_MS = 15_000;

/**
 * One subscription's events, until it ends.
 * @throws {ClientError} what it fails or ends with; the signal's reason once it is aborted.
 */
export async function* subscription(
  client: KinesisClient,
  consumerArn: string,
  shardId: string,
  from: ReadFrom,
  signal: AbortSignal,
): AsyncGenerator<SubscribeToShardEvent, void, undefined> {
  const call = new AbortController();
  const onAbort = (): void => call.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const command = new SubscribeToShardCommand({
    ConsumerARN: consumerArn,
    ShardId: shardId,
    StartingPosition: {
      Type: from.type,
      ...("timestampMs" in from ? { Timestamp: new Date(from.timestampMs) } : {}),
      ...("sequenceNumber" in from ? { SequenceNumber: from.sequenceNumber } : {}),
    },
  });
  try {
    const { EventStream: stream } = await inTime(client.send(command, { abortSignal: call.signal }), call);
    const events = stream?.[Symbol.asyncIterator]();
    for (;;) {
      const next = events && (await inTime(events.next(), call));
      if (next === undefined || next.done === true) return;
      yield eventOf(next.value);
    }
  } catch (error) {
    call.signal.throwIfAborted();
    throw toClientError(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Also where the caller takes no more: this ends the request.
    call.abort();
  }
}

async function inTime<T>(waited: Promise<T>, call: AbortController): Promise<T> {
  const timer = setTimeout(
    () => call.abort(new ClientError("unreachable", `nothing came for ${SILENCE_MS} ms`)),
    SILENCE_MS,
  );
  try {
    return await unlessAborted(waited, call.signal);
  } finally {
    clearTimeout(timer);
  }
}

function eventOf(message: SubscribeToShardEventStream): SubscribeToShardEvent {
  if (message.SubscribeToShardEvent !== undefined) return message.SubscribeToShardEvent;
  throw Object.values(message)[0];
}
