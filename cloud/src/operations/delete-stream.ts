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
      const where = `Stream ${streamName} under account ${service.accountId}`;
      throw new CloudError("stream-busy", `${where} has registered consumers; EnforceConsumerDeletion is not set.`);
    }
    await service.deleteStream(streamName);
    return undefined;
  },
);
