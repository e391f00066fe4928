import { CloudError } from "../cloud-error.js";
import type { StreamService } from "../streams/stream-service.js";

/** Source: Kinesis Data Streams quotas. */
export const ON_DEMAND_STREAMS_MAX = 50;

/** Streams on demand that the account has. */
export function onDemandStreams(service: StreamService): number {
  return service.listStreams().filter(({ mode }) => mode === "ON_DEMAND").length;
}

/** Whether there may be one more. @throws {CloudError} `limit-exceeded`. */
export function checkOnDemandLimit(service: StreamService): void {
  const count = onDemandStreams(service);
  if (count < ON_DEMAND_STREAMS_MAX) return;
  throw new CloudError(
    "limit-exceeded",
    `This request would exceed the limit on the number of On-Demand streams for the account ${service.accountId} in ` +
      `${service.region}. Current On-Demand streams count: ${count}. Limit: ${ON_DEMAND_STREAMS_MAX}.`,
  );
}
