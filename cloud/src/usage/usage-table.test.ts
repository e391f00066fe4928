import { expect, test } from "vitest";
import { withCosts } from "./cost.js";
import { pricesSchema } from "./prices.js";
import type { ReportedStream, UsageReport } from "./usage-report.js";
import { usageTable } from "./usage-table.js";

const nothing: ReportedStream = {
  StreamName: "",
  StreamMode: "PROVISIONED",
  StreamHours: 0,
  ShardHours: 0,
  ExtendedRetentionShardHours: 0,
  ConsumerShardHours: 0,
  Records: 0,
  BytesIn: 0,
  RoundedBytesIn: 0,
  PutPayloadUnits: 0,
  BytesOut: 0,
  LongTermBytesOut: 0,
  FanOutBytes: 0,
  ExtendedByteHours: 0,
  LongTermByteHours: 0,
};
const GIGABYTE = 2 ** 30;
const report: UsageReport = {
  Region: "us-east-1",
  From: Date.UTC(2026, 0, 1) / 1000,
  To: Date.UTC(2026, 0, 31) / 1000,
  Streams: [
    {
      ...nothing,
      StreamName: "clicks",
      StreamMode: "ON_DEMAND",
      StreamHours: 720,
      RoundedBytesIn: 100 * GIGABYTE,
      BytesIn: 1,
      BytesOut: 10 * GIGABYTE,
      FanOutBytes: 4 * GIGABYTE,
      ExtendedByteHours: 50 * 730 * GIGABYTE,
      LongTermByteHours: 100 * 730 * GIGABYTE,
      LongTermBytesOut: GIGABYTE,
      ShardHours: 2880,
      PutPayloadUnits: 5,
    },
    {
      ...nothing,
      StreamName: "orders",
      ShardHours: 1440,
      PutPayloadUnits: 267_840_000,
      ExtendedRetentionShardHours: 1440,
      ConsumerShardHours: 1440,
      FanOutBytes: 1000 * GIGABYTE,
      BytesOut: 99 * GIGABYTE,
      ExtendedByteHours: 7 * GIGABYTE,
      LongTermByteHours: 1000 * 730 * GIGABYTE,
      LongTermBytesOut: 50 * GIGABYTE,
    },
    { ...nothing, StreamName: "test", ShardHours: 0.25, PutPayloadUnits: 3 },
  ],
};

test("shows each charge, and the sum", () => {
  expect(usageTable(report, pricesSchema.parse({}))).toBe(`\
2026-01-01 00:00 UTC to 2026-01-31 00:00 UTC, at AWS's prices for us-east-1 or those given

stream  mode                used                          on AWS
clicks  on demand            720  stream-hours            $28.80
                             100  GB in                    $8.00
                              10  GB out                   $0.40
                               4  GB fan-out               $0.20
                              50  GB-months past 24 h      $5.00
                             100  GB-months past 7 days    $2.30
orders  provisioned        1,440  shard-hours             $21.60
                     267,840,000  PUT payload units        $3.75
                           1,440  shard-hours past 24 h   $28.80
                           1,440  consumer-shard-hours    $21.60
                           1,000  GB fan-out              $13.00
                           1,000  GB-months past 7 days   $23.00
                              50  GB out past 7 days       $1.05
test    provisioned       0.2500  shard-hours             <$0.01
                               3  PUT payload units       <$0.01
                                  together               $157.50
`);
});

test("takes other prices, one by one", () => {
  const prices = pricesSchema.parse({ provisioned: { shardHour: 1 } });
  const shown = withCosts(
    { ...report, Streams: [{ ...nothing, StreamName: "s", ShardHours: 2, PutPayloadUnits: 1e6 }] },
    prices,
  );
  expect(shown).toMatchObject({ CostUsd: 2.014, Streams: [{ CostUsd: 2.014 }] });
  expect(() => pricesSchema.parse({ provisioned: { shardHours: 1 } })).toThrow("shardHours");
});

test("says where nothing was used", () => {
  expect(usageTable({ ...report, Streams: [nothing] }, pricesSchema.parse({}))).toBe(
    "Nothing was used from 2026-01-01 00:00 UTC to 2026-01-31 00:00 UTC.\n",
  );
});
