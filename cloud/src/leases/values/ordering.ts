import type { AttributeValue } from "./attribute-value.js";
import { compareNumbers } from "./decimal.js";

/** Negative, zero or positive; undefined where the values have no order: other types, or different ones. */
export function compareValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.type === "S" && b.type === "S") return Buffer.compare(Buffer.from(a.value), Buffer.from(b.value));
  if (a.type === "N" && b.type === "N") return compareNumbers(a.value, b.value);
  if (a.type === "B" && b.type === "B") {
    return Buffer.compare(Buffer.from(a.value, "base64"), Buffer.from(b.value, "base64"));
  }
  return undefined;
}
