import { boolean, structure } from "../codec/shape.js";
import { streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

export const deleteStream = operation(
  structure({ required: {}, optional: { ...streamReference, EnforceConsumerDeletion: boolean() } }),
  async (input, { service }) => {
    await service.deleteStream(streamNameOf(input, service));
    return undefined;
  },
);
