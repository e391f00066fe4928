import { CloudError } from "../cloud-error.js";
import { structure, timestamp } from "../codec/shape.js";
import type { Output } from "../codec/wire-codec.js";
import type { Consumer } from "../streams/consumers.js";
import type { StreamService } from "../streams/stream-service.js";
import { consumerArn, consumerName, nextToken, pageSize, streamArn, tags } from "./members.js";
import { operation } from "./operation.js";
import { openPage, sealPage } from "./page-token.js";
import { streamNameOf } from "./stream-reference.js";
import { withTags } from "./tags.js";

/** Also for who asks for more. Source: API reference. */
const PAGE_CONSUMERS = 100;
const PURPOSE = "list-stream-consumers";

export const registerStreamConsumer = operation(
  structure({ required: { StreamARN: streamArn, ConsumerName: consumerName }, optional: { Tags: tags } }),
  async (input, { service }) => {
    const { ConsumerName: name, Tags: given = new Map<string, string>() } = input;
    const consumer = await service.consumers.register(streamNameOf(input, service), name, withTags({}, given, name));
    return { Consumer: summary(consumer) };
  },
);

const consumerReference = { StreamARN: streamArn, ConsumerName: consumerName, ConsumerARN: consumerArn };

export const deregisterStreamConsumer = operation(
  structure({ required: {}, optional: consumerReference }),
  async (input, { service, fanOut }) => {
    const consumer = consumerOf(input, service);
    await service.consumers.deregister(consumer.arn);
    fanOut.endConsumer(consumer);
    return undefined;
  },
);

export const describeStreamConsumer = operation(
  structure({ required: {}, optional: consumerReference }),
  (input, { service }) => {
    const consumer = consumerOf(input, service);
    return { ConsumerDescription: { ...summary(consumer), StreamARN: consumer.streamArn } };
  },
);

export const listStreamConsumers = operation(
  structure({
    required: { StreamARN: streamArn },
    optional: { NextToken: nextToken, MaxResults: pageSize, StreamCreationTimestamp: timestamp() },
  }),
  (input, { service, sealer, now }) => {
    const { MaxResults: limit = PAGE_CONSUMERS, NextToken } = input;
    const streamName = streamNameOf(input, service);
    const [of, after] = NextToken === undefined ? [streamName, ""] : openPage(sealer, PURPOSE, NextToken, now());
    if (of !== streamName) throw new CloudError("argument-invalid", "The NextToken is of another stream.");
    const left = service.consumers.of(streamName).filter(({ name }) => name > String(after));
    const page = left.slice(0, Math.min(limit, PAGE_CONSUMERS));
    const last = page.at(-1);
    const hasMore = left.length > page.length && last !== undefined;
    return {
      Consumers: page.map(summary),
      NextToken: hasMore ? sealPage(sealer, PURPOSE, [streamName, last.name], now()) : undefined,
    };
  },
);

function summary({ name, arn, createdMs }: Consumer): Readonly<Record<string, Output>> {
  return {
    ConsumerName: name,
    ConsumerARN: arn,
    ConsumerStatus: "ACTIVE",
    ConsumerCreationTimestamp: new Date(createdMs),
  };
}

interface ConsumerReference {
  readonly StreamARN?: string;
  readonly ConsumerName?: string;
  readonly ConsumerARN?: string;
}

/** By ARN, or by stream and name; whatever else is given must agree. */
function consumerOf({ StreamARN, ConsumerName, ConsumerARN }: ConsumerReference, service: StreamService): Consumer {
  if (ConsumerARN === undefined) {
    if (StreamARN === undefined || ConsumerName === undefined) {
      throw new CloudError(
        "argument-invalid",
        "Either ConsumerARN or both StreamARN and ConsumerName must be specified.",
      );
    }
    return service.consumers.findByName(streamNameOf({ StreamARN }, service), ConsumerName);
  }
  const consumer = service.consumers.find(ConsumerARN);
  const agrees =
    (StreamARN ?? consumer.streamArn) === consumer.streamArn && (ConsumerName ?? consumer.name) === consumer.name;
  if (agrees) return consumer;
  throw new CloudError("argument-invalid", "ConsumerARN, StreamARN and ConsumerName name different consumers.");
}
