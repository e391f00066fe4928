import type { Prices } from "./prices.js";
import type { ReportedStream, UsageReport } from "./usage-report.js";

/** As AWS counts a gigabyte of data. */
const GIGABYTE = 2 ** 30;
/** A gigabyte kept for a twelfth of a year. */
const GIGABYTE_MONTH_BYTE_HOURS = GIGABYTE * 730;

/** One line of a bill. */
export interface Charge {
  readonly of: string;
  readonly quantity: number;
  readonly unit: string;
  /** US dollars. */
  readonly cost: number;
}

/** What AWS would have charged for a stream; only what was used. */
export function chargesFor(stream: ReportedStream, { provisioned, onDemand }: Prices): Charge[] {
  const fanOutGigabytes = stream.FanOutBytes / GIGABYTE;
  const extendedMonths = stream.ExtendedByteHours / GIGABYTE_MONTH_BYTE_HOURS;
  const longTermMonths = stream.LongTermByteHours / GIGABYTE_MONTH_BYTE_HOURS;
  const charges =
    stream.StreamMode === "PROVISIONED"
      ? [
          charge("shards", stream.ShardHours, "shard-hours", provisioned.shardHour),
          charge("put", stream.PutPayloadUnits, "PUT payload units", provisioned.millionPutPayloadUnits / 1e6),
          charge(
            "retention",
            stream.ExtendedRetentionShardHours,
            "shard-hours past 24 h",
            provisioned.extendedRetentionShardHour,
          ),
          charge("consumers", stream.ConsumerShardHours, "consumer-shard-hours", provisioned.consumerShardHour),
          charge("fan-out", fanOutGigabytes, "GB", provisioned.fanOutGigabyte),
          charge("storage", longTermMonths, "GB-months past 7 days", provisioned.longTermGigabyteMonth),
          charge("out", stream.LongTermBytesOut / GIGABYTE, "GB out past 7 days", provisioned.longTermGigabyteOut),
        ]
      : [
          charge("stream", stream.StreamHours, "stream-hours", onDemand.streamHour),
          charge("in", stream.RoundedBytesIn / GIGABYTE, "GB", onDemand.gigabyteIn),
          charge("out", stream.BytesOut / GIGABYTE, "GB", onDemand.gigabyteOut),
          charge("fan-out", fanOutGigabytes, "GB", onDemand.fanOutGigabyte),
          charge("storage", extendedMonths, "GB-months past 24 h", onDemand.extendedGigabyteMonth),
          charge("storage", longTermMonths, "GB-months past 7 days", onDemand.longTermGigabyteMonth),
        ];
  return charges.filter(({ quantity }) => quantity > 0);
}

function charge(of: string, quantity: number, unit: string, price: number): Charge {
  return { of, quantity, unit, cost: quantity * price };
}

/** The report with what AWS would have charged, in US dollars. */
export function withCosts(report: UsageReport, prices: Prices): object {
  const costOf = (stream: ReportedStream): number =>
    chargesFor(stream, prices).reduce((sum, { cost }) => sum + cost, 0);
  const Streams = report.Streams.map((stream) => ({ ...stream, CostUsd: costOf(stream) }));
  return { ...report, Streams, CostUsd: Streams.reduce((sum, { CostUsd }) => sum + CostUsd, 0) };
}
