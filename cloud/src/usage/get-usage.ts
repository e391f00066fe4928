import { structure, timestamp } from "../codec/shape.js";
import { CloudError } from "../cloud-error.js";
import { operation, type Operation } from "../operations/operation.js";
import { HOUR_MS, hourOf, type StreamUsage } from "./usage.js";
import type { UsageMeter } from "./usage-meter.js";

/** Ours, so under a name that no AWS service has. */
export const GET_USAGE_TARGET = "Headwater_2026.GetUsage";

/**
 * What streams used within whole hours: from `From` (rounded down) up to `To` (rounded up). Without them, from the
 * beginning of this month (UTC) up to now.
 */
export function getUsage(meter: Pick<UsageMeter, "total">): Operation {
  return operation(
    structure({ required: {}, optional: { From: timestamp(), To: timestamp() } }),
    async ({ From, To }, { now, service }) => {
      const fromMs = From === undefined ? monthOf(now()) : hourOf(From);
      const toMs = hourOf((To ?? now()) + HOUR_MS - 1);
      if (fromMs >= toMs) throw new CloudError("argument-invalid", "From must be before To.");
      const streams = await meter.total(fromMs, toMs);
      return {
        Region: service.region,
        From: new Date(fromMs),
        To: new Date(Math.min(toMs, Math.max(now(), fromMs))),
        Streams: streams.map(membersOf),
      };
    },
  );
}

function membersOf(usage: StreamUsage): Readonly<Record<string, string | number>> {
  return {
    StreamName: usage.streamName,
    StreamMode: usage.mode,
    StreamHours: usage.streamMs / HOUR_MS,
    ShardHours: usage.shardMs / HOUR_MS,
    ExtendedRetentionShardHours: usage.extendedShardMs / HOUR_MS,
    ConsumerShardHours: usage.consumerShardMs / HOUR_MS,
    Records: usage.records,
    BytesIn: usage.bytesIn,
    RoundedBytesIn: usage.roundedBytesIn,
    PutPayloadUnits: usage.payloadUnits,
    BytesOut: usage.bytesOut,
    LongTermBytesOut: usage.longTermBytesOut,
    FanOutBytes: usage.fanOutBytes,
    ExtendedByteHours: usage.extendedByteHours,
    LongTermByteHours: usage.longTermByteHours,
  };
}

function monthOf(timeMs: number): number {
  const date = new Date(timeMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}
