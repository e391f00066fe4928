import { CloudError } from "../cloud-error.js";
import type { StreamService } from "../streams/stream-service.js";
import { streamNameOf } from "./stream-reference.js";

const CONSUMER_ARN = /^(.*:stream\/[^/]+)\/consumer\/([^:]+):(\d+)$/;

/** What a ResourceARN can name. */
export type Resource =
  { readonly kind: "stream"; readonly streamName: string } | { readonly kind: "consumer"; readonly arn: string };

/**
 * What the ARN names, of this account and region.
 * @throws {CloudError} `stream-not-found`, `argument-invalid`.
 */
export function resourceOf(arn: string, service: StreamService): Resource {
  const [, streamArn] = CONSUMER_ARN.exec(arn) ?? [];
  const streamName = streamNameOf({ StreamARN: streamArn ?? arn }, service);
  if (streamArn !== undefined) return { kind: "consumer", arn };
  if (streamName.includes("/"))
    throw new CloudError("argument-invalid", `${arn} names neither a stream nor a consumer.`);
  return { kind: "stream", streamName };
}
