import { CloudError } from "../cloud-error.js";
import { boolean, structure } from "../codec/shape.js";
import { streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

export const deleteStream = operation(
  structure({ required: {}, optional: { ...streamReference, EnforceConsumerDeletion: boolean() } }),
  async (input, { service }) => {
    const streamName = streamNameOf(input, service);
    if (input.EnforceConsumerDeletion !== true && service.consumers.of(streamName).length > 0) {
      throw new CloudError(
        "stream-busy",
        `DeleteStream can't delete ${service.accountId}:${streamName} because there are consumers associated with this ` +
          `data stream. To delete ${streamName} anyway, set the EnforceConsumerDeletion parameter to true to force the ` +
          "deletion of all the consumers that are associated with it.",
      );
    }
    await service.deleteStream(streamName);
    return undefined;
  },
);
