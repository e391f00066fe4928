import { CloudError } from "../cloud-error.js";
import type { StreamService } from "../streams/stream-service.js";

/** How an input names its stream: by name, by ARN, or by both. */
export interface StreamReference {
  readonly StreamName?: string;
  readonly StreamARN?: string;
}

const ARN = /^arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream\/(.+)$/;

/**
 * The stream's name.
 * @throws {CloudError} `argument-invalid`; `stream-not-found` for the ARN of another account or region.
 */
export function streamNameOf({ StreamName, StreamARN }: StreamReference, service: StreamService): string {
  if (StreamARN === undefined) {
    if (StreamName === undefined) {
      throw new CloudError("argument-invalid", "Either StreamName or StreamARN must be specified.");
    }
    return StreamName;
  }
  const [, region, account, name] = ARN.exec(StreamARN) ?? [];
  if (StreamName !== undefined && StreamName !== name) {
    throw new CloudError("argument-invalid", "StreamName and StreamARN name different streams.");
  }
  if (name === undefined || region !== service.region || account !== service.accountId) {
    throw new CloudError("stream-not-found", `Stream ${StreamARN} not found.`);
  }
  return name;
}
