import { integer, list, structure } from "../codec/shape.js";
import { streamReference, tagKey, tags } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";
import { listTags, withoutTags, withTags } from "./tags.js";

const PAGE_TAGS = 50;

export const addTagsToStream = operation(
  structure({ required: { Tags: tags }, optional: streamReference }),
  async (input, { service }) => {
    const name = streamNameOf(input, service);
    const what = `stream ${name} under account ${service.accountId}`;
    await service.changeSettings(name, (settings) => ({
      ...settings,
      tags: withTags(settings.tags, input.Tags, what),
    }));
    return undefined;
  },
);

export const removeTagsFromStream = operation(
  structure({ required: { TagKeys: list(tagKey, { min: 1, max: 50 }) }, optional: streamReference }),
  async (input, { service }) => {
    const name = streamNameOf(input, service);
    const what = `stream ${name} under account ${service.accountId}`;
    await service.changeSettings(name, (settings) => ({
      ...settings,
      tags: withoutTags(settings.tags, input.TagKeys, what),
    }));
    return undefined;
  },
);

export const listTagsForStream = operation(
  structure({
    required: {},
    optional: { Limit: integer({ min: 1, max: PAGE_TAGS }), ExclusiveStartTagKey: tagKey, ...streamReference },
  }),
  (input, { service }) => {
    const { ExclusiveStartTagKey: after = "", Limit: limit = PAGE_TAGS } = input;
    const left = listTags(service.describe(streamNameOf(input, service)).tags).filter(({ Key }) => Key > after);
    return { Tags: left.slice(0, limit), HasMoreTags: left.length > limit };
  },
);
