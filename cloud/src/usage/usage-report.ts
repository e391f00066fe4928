import { z } from "zod";

const hours = z.number().min(0);
const count = z.number().int().min(0);

/** GetUsage's answer, as it comes over the wire. */
export const usageReport = z.object({
  Region: z.string(),
  /** Seconds since 1970. */
  From: z.number(),
  To: z.number(),
  Streams: z.array(
    z.object({
      StreamName: z.string(),
      StreamMode: z.enum(["PROVISIONED", "ON_DEMAND"]),
      StreamHours: hours,
      ShardHours: hours,
      ExtendedRetentionShardHours: hours,
      ConsumerShardHours: hours,
      Records: count,
      BytesIn: count,
      RoundedBytesIn: count,
      PutPayloadUnits: count,
      BytesOut: count,
      LongTermBytesOut: count,
      FanOutBytes: count,
      ExtendedByteHours: count,
      LongTermByteHours: count,
    }),
  ),
});

export type UsageReport = z.output<typeof usageReport>;
export type ReportedStream = UsageReport["Streams"][number];
