import { decodeCbor, encodeCbor } from "./cbor.js";
import { decodeJson, decodeJsonInTurns, encodeJson } from "./json.js";
import { malformed, unreadable } from "./malformed.js";
import type { RequestMemory } from "../request-memory.js";
import type { Encoding } from "./shape.js";

/** What an operation answers. Absent members are left out. */
export type Output =
  | null
  | string
  | number
  | boolean
  | Uint8Array
  | Date
  | readonly Output[]
  | { readonly [member: string]: Output | undefined };

/** An answer of many records, which writes itself. */
export interface BulkAnswer {
  /**
   * As text, or in pieces of memory.
   * @param memory for a large answer; it is given back when that has left.
   */
  toJson(memory?: RequestMemory): string | readonly Buffer[];
  /** Where it is not there, values are made for it. */
  toCbor?(memory?: RequestMemory): readonly Buffer[];
  toValues(): Output;
}

export function isBulkAnswer(answer: Output | BulkAnswer): answer is BulkAnswer {
  return typeof answer === "object" && answer !== null && "toValues" in answer && typeof answer.toValues === "function";
}

/** One of the two protocols that AWS clients speak to Kinesis. */
export interface WireCodec {
  readonly encoding: Encoding;
  readonly contentType: string;
  /** @throws {CloudError} `body-malformed`, without a message. */
  decode(body: Buffer): unknown;
  encode(answer: Output): Buffer;
  /** In pieces, see {@link BulkAnswer}. */
  encodeBulk(answer: BulkAnswer, memory?: RequestMemory): readonly Buffer[];
}

const json: WireCodec = {
  encoding: "json",
  contentType: "application/x-amz-json-1.1",
  decode: (body) => decoded(body, decodeJson),
  encode: (answer) => Buffer.from(encodeJson(answer), "utf8"),
  encodeBulk: (answer, memory) => {
    const json = answer.toJson(memory);
    return typeof json === "string" ? [Buffer.from(json, "utf8")] : json;
  },
};

const cbor: WireCodec = {
  encoding: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode: (body) => decoded(body, decodeCbor),
  encode: (answer) => Buffer.from(encodeCbor(answer)),
  encodeBulk: (answer, memory) => answer.toCbor?.(memory) ?? [Buffer.from(encodeCbor(answer.toValues()))],
};

function decoded(body: Buffer, decode: (body: Buffer) => unknown): unknown {
  let value: unknown;
  try {
    value = decode(body);
  } catch (error) {
    throw unreadable(error);
  }
  return notScalar(value);
}

/**
 * As the codec of JSON decodes, over several turns of the event loop.
 * @throws {CloudError} as {@link WireCodec.decode}.
 */
export async function decodeLargeJson(body: Buffer): Promise<unknown> {
  let value: unknown;
  try {
    value = await decodeJsonInTurns(body);
  } catch (error) {
    throw unreadable(error);
  }
  return notScalar(value);
}

/** Of whatever is no value at all, or a scalar, AWS says that it cannot read it, and no more. */
function notScalar(value: unknown): unknown {
  if (typeof value === "object" && value !== null) return value;
  throw unreadable(malformed("The request body is no structure."));
}

/** The codec for a content type (parameters such as a charset do not matter), or undefined. */
export function codecFor(contentType: string | undefined): WireCodec | undefined {
  const name = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return [json, cbor].find((codec) => codec.contentType === name);
}
