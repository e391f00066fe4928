import { z } from "zod";

const price = z.number().min(0);

/** US dollars. */
export const pricesSchema = z
  .strictObject({
    provisioned: z
      .strictObject({
        shardHour: price.default(0.015),
        millionPutPayloadUnits: price.default(0.014),
        extendedRetentionShardHour: price.default(0.02),
        consumerShardHour: price.default(0.015),
        fanOutGigabyte: price.default(0.013),
        longTermGigabyteMonth: price.default(0.023),
        longTermGigabyteOut: price.default(0.021),
      })
      .prefault({}),
    onDemand: z
      .strictObject({
        streamHour: price.default(0.04),
        gigabyteIn: price.default(0.08),
        gigabyteOut: price.default(0.04),
        fanOutGigabyte: price.default(0.05),
        extendedGigabyteMonth: price.default(0.1),
        longTermGigabyteMonth: price.default(0.023),
      })
      .prefault({}),
  })
  .prefault({});

/** AWS's public prices for us-east-1 (on-demand standard) as of 2025, compared in November 2026, unless others are given. */
export type Prices = z.output<typeof pricesSchema>;
