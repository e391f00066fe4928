import { CloudError } from "../cloud-error.js";
import { shortened } from "./reading.js";

// AWS's words for a body that does not fit its types. Source: answers of AWS, as public test suites recorded them.

/** A body that does not fit its types. */
export function malformed(message: string, options?: ErrorOptions): CloudError {
  return new CloudError("body-malformed", message, options);
}

/** A body that is nothing of its content type, of which AWS says no more. @param cause says it to operators. */
export function unreadable(cause: unknown): CloudError {
  return new CloudError("body-malformed", "", { cause });
}

/** What a value should have been, as AWS goes on after "can not be converted to". */
export type Expected = "a Blob" | "a Double" | "an Boolean" | "an Integer" | "an String" | "milliseconds since epoch";

/** A value where a scalar of another type should stand. */
export function wrongType(value: unknown, expected: Expected): CloudError {
  return nested(value) ?? malformed(`${scalarNames.get(typeof value)} can not be converted to ${expected}`);
}

/** A value where a list, a map or a structure should stand. @param otherwise AWS's words where a scalar stands there. */
export function notNested(value: unknown, otherwise: string): CloudError {
  return scalarNames.has(typeof value) || value === null || value === undefined
    ? malformed(otherwise)
    : (nested(value) ?? malformed(otherwise));
}

function nested(value: unknown): CloudError | undefined {
  if (Array.isArray(value)) return malformed("Start of list found where not expected");
  if (scalarNames.has(typeof value)) return undefined;
  return malformed("Start of structure or map found where not expected.");
}

const scalarNames = new Map([
  ["string", "class java.lang.String"],
  ["number", "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"],
  ["boolean", "class java.lang.Boolean"],
]);

/**
 * The bytes of a text in base64: standard alphabet, padded, with nothing left over.
 * @throws {CloudError} `body-malformed`.
 */
export function fromBase64(text: string): Buffer {
  const refuse = (why: string): never => {
    throw malformed(`'${shortened(text)}' can not be converted to a Blob: ${why}`);
  };
  if (text.length % 4 !== 0) {
    refuse(`Base64 encoded length is expected a multiple of 4 bytes but found: ${text.length}`);
  }
  const bytes = Buffer.from(text, "base64");
  // Node's decoder skips what is no base64, so what it skipped shows in the length; it takes the form for URLs, too.
  const padding = text.endsWith("==") ? 2 : Number(text.endsWith("="));
  if (bytes.length !== (text.length / 4) * 3 - padding || text.includes("-") || text.includes("_")) {
    // Where nothing else is wrong, there is more padding than the last four characters may have.
    const [wrong = "="] = /[^a-zA-Z0-9+/=]|=(?==*[^=])/u.exec(text) ?? [];
    refuse(`Invalid Base64 character: '${wrong}'`);
  }
  const last = text.slice(-4);
  if (Buffer.from(last, "base64").toString("base64") !== last) {
    refuse("Invalid last non-pad Base64 character dectected"); // spelt as AWS does
  }
  return bytes;
}
