import { CloudError } from "../../cloud-error.js";
import type { VideoService } from "../video-service.js";

/** How an input names its stream: by name or by ARN. */
export interface VideoStreamReference {
  readonly StreamName?: string;
  readonly StreamARN?: string;
}

/**
 * The name of a stream that is there.
 * @throws {CloudError} `argument-invalid`; `stream-not-found`, also for the ARN of another account or region, or of an
 * earlier stream of the same name.
 */
export function streamNameOf({ StreamName, StreamARN }: VideoStreamReference, service: VideoService): string {
  if (StreamARN === undefined) {
    if (StreamName === undefined) {
      throw new CloudError("argument-invalid", "Either StreamName or StreamARN must be specified.");
    }
    return service.describe(StreamName).name;
  }
  const name = StreamARN.split("/")[1] ?? "";
  const { arn } = service.describe(name);
  if (arn !== StreamARN) throw new CloudError("stream-not-found", `Stream ${StreamARN} is not found.`);
  if (StreamName !== undefined && StreamName !== name) {
    throw new CloudError("argument-invalid", "StreamName and StreamARN name different streams.");
  }
  return name;
}
