import { list, structure } from "../codec/shape.js";
import { resourceArn, tagKey, tags } from "./members.js";
import { operation, type OperationContext } from "./operation.js";
import { resourceOf } from "./resource-arn.js";
import { listTags, withoutTags, withTags } from "./tags.js";

type Tags = Readonly<Record<string, string>>;

export const tagResource = operation(
  structure({ required: { Tags: tags, ResourceARN: resourceArn }, optional: {} }),
  async ({ Tags, ResourceARN }, context) => {
    await changeTags(ResourceARN, context, (before) => withTags(before, Tags, ResourceARN));
    return undefined;
  },
);

export const untagResource = operation(
  structure({ required: { TagKeys: list(tagKey, { min: 1, max: 50 }), ResourceARN: resourceArn }, optional: {} }),
  async ({ TagKeys, ResourceARN }, context) => {
    await changeTags(ResourceARN, context, (before) => withoutTags(before, TagKeys, ResourceARN));
    return undefined;
  },
);

export const listTagsForResource = operation(
  structure({ required: { ResourceARN: resourceArn }, optional: {} }),
  ({ ResourceARN }, { service }) => {
    const resource = resourceOf(ResourceARN, service);
    const { tags: found } =
      resource.kind === "stream" ? service.describe(resource.streamName) : service.consumers.find(resource.arn);
    return { Tags: listTags(found) };
  },
);

function changeTags(arn: string, { service }: OperationContext, change: (tags: Tags) => Tags): Promise<void> {
  const resource = resourceOf(arn, service);
  if (resource.kind === "consumer") {
    return service.consumers.change(resource.arn, (consumer) => ({ ...consumer, tags: change(consumer.tags) }));
  }
  return service.changeSettings(resource.streamName, (settings) => ({ ...settings, tags: change(settings.tags) }));
}
