import { CloudError } from "../cloud-error.js";
import { structure } from "../codec/shape.js";
import { operation, type Operation } from "./operation.js";

/**
 * Channels deliver a stream's records to S3 and to tables, and how AWS distributes records by itself is not published.
 * Neither is here yet: who asks is told so, whatever else the request says.
 */
const names = [
  "CreateChannel",
  "DeleteChannel",
  "DescribeChannel",
  "ListChannels",
  "UpdateChannel",
  "UpdateStreamRecordDistributionStrategy",
] as const;

const anything = structure({ required: {}, optional: {} });

export const unsupportedOperations: readonly (readonly [string, Operation])[] = names.map((name) => [
  name,
  operation(anything, () => {
    throw new CloudError("operation-unsupported", `${name} is not supported by Headwater.`);
  }),
]);
