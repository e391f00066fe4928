import { decode, encode, Token, Type } from "cborg";
import { malformed } from "./shape.js";
import type { Output } from "./wire-codec.js";

/** A date in AWS's CBOR: tag 1 over milliseconds since 1970 (where RFC 8949 has seconds). */
const DATE_TAG = 1;

/**
 * Reads a CBOR body: one item, definite or indefinite lengths, text keys, no duplicates, no tags but dates.
 * @throws {CloudError} `body-malformed`.
 */
export function decodeCbor(body: Buffer): unknown {
  try {
    return decode(body, {
      allowIndefinite: true,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
      tags: {
        [DATE_TAG]: (content) => {
          const timeMs = content();
          if (typeof timeMs !== "number") throw malformed("A timestamp must be a number of milliseconds.");
          return new Date(timeMs);
        },
      },
    }) as unknown;
  } catch (error) {
    throw malformed("The request body is not valid CBOR.", { cause: error });
  }
}

/** Writes an answer: bytes as byte strings, dates as tag 1 over milliseconds. */
export function encodeCbor(output: Output): Uint8Array {
  return encode(output, {
    ignoreUndefinedProperties: true,
    typeEncoders: {
      Date: (date: Date) => [new Token(Type.tag, DATE_TAG), new Token(Type.uint, date.getTime())],
    },
  });
}
