import { CloudError } from "../cloud-error.js";

/** Tags that a stream or a consumer may have. Source: API reference, AddTagsToStream. */
const TAGS_MAX = 50;
const VALID = /^[\p{L}\p{N}\p{Zs}_./=+\-%@:]*$/u;
const RESERVED_PREFIX = /^aws:/i;

type Tags = Readonly<Record<string, string>>;

/**
 * Tags with others added, which replace those of the same key.
 * @param what the tagged, for messages: `stream s under account 0`.
 * @throws {CloudError} `argument-invalid`, `limit-exceeded`.
 */
export function withTags(tags: Tags, added: ReadonlyMap<string, string>, what: string): Tags {
  checkCharacters([...added].flat(), `add tags to ${what}`);
  for (const key of added.keys()) {
    if (RESERVED_PREFIX.test(key)) {
      throw new CloudError("argument-invalid", `Tag keys must not begin with aws:, which is reserved, as ${key} does.`);
    }
  }
  const all = { ...tags, ...Object.fromEntries(added) };
  if (Object.keys(all).length > TAGS_MAX) {
    throw new CloudError(
      "argument-invalid",
      `Failed to add tags to ${what} because a given ${kindOf(what)} cannot have more than ${TAGS_MAX} tags associated with it.`,
    );
  }
  return all;
}

/**
 * Tags without some; those that are not there do not matter.
 * @param what as for {@link withTags}.
 * @throws {CloudError} `argument-invalid`.
 */
export function withoutTags(tags: Tags, keys: readonly string[], what: string): Tags {
  checkCharacters(keys, `remove tags from ${what}`);
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));
}

/** As answers list them, by key. */
export function listTags(tags: Tags): readonly { readonly Key: string; readonly Value: string }[] {
  return Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }));
}

/** AWS's list of what is valid has the percent sign, but it takes none. @param doing for messages. */
function checkCharacters(texts: readonly string[], doing: string): void {
  if (!texts.every((text) => VALID.test(text))) {
    throw new CloudError(
      "argument-invalid",
      "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
    );
  }
  if (!texts.some((text) => text.includes("%"))) return;
  throw new CloudError(
    "argument-invalid",
    `Failed to ${doing} because some tags contained illegal characters. ` +
      "The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
  );
}

function kindOf(what: string): "stream" | "resource" {
  return what.startsWith("stream ") ? "stream" : "resource";
}
