import { ElementId } from "./element-id.js";
import { elementsOf, textOf, type Element } from "./ebml.js";
import { MatroskaError } from "./matroska-error.js";

export interface MatroskaTag {
  readonly name: string;
  /** Bytes for a binary tag. */
  readonly value: string | Buffer;
}

/** The tag by which a producer says that the fragment of the Cluster before is complete. It has no value. */
export const END_OF_FRAGMENT_TAG = "AWS_KINESISVIDEO_END_OF_FRAGMENT";

/** A tag as found, with the lengths that limits are about. */
export interface FoundTag extends MatroskaTag {
  readonly nameBytes: number;
  readonly valueBytes: number;
  readonly offset: number;
}

/**
 * The simple tags of a Tags element, in order. What a Tag is aimed at, and tags within tags, are passed over.
 * @throws {MatroskaError} `malformed`.
 */
export function* readTags(tags: Element): Generator<FoundTag, void, void> {
  for (const tag of elementsOf(tags)) {
    if (tag.id !== ElementId.tag) continue;
    for (const element of elementsOf(tag)) if (element.id === ElementId.simpleTag) yield readSimpleTag(element);
  }
}

function readSimpleTag(simpleTag: Element): FoundTag {
  let name = "";
  let nameBytes = 0;
  let value: string | Buffer = "";
  let valueBytes = 0;
  for (const element of elementsOf(simpleTag)) {
    const { id, data } = element;
    if (id === ElementId.tagName) [name, nameBytes] = [textOf(element), data.length];
    else if (id === ElementId.tagString) [value, valueBytes] = [textOf(element), data.length];
    else if (id === ElementId.tagBinary) [value, valueBytes] = [data, data.length];
  }
  if (name === "") throw new MatroskaError("malformed", "a tag without a name", simpleTag.offset);
  return { name, nameBytes, value, valueBytes, offset: simpleTag.offset };
}
