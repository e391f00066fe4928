import { decodeCbor, encodeCbor } from "./cbor.js";
import { decodeJson, encodeJson } from "./json.js";
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

/** One of the two protocols that AWS clients speak to Kinesis. */
export interface WireCodec {
  readonly encoding: Encoding;
  readonly contentType: string;
  /** @throws {CloudError} `body-malformed`. */
  decode(body: Buffer): unknown;
  encode(output: Output): Buffer;
}

const json: WireCodec = {
  encoding: "json",
  contentType: "application/x-amz-json-1.1",
  decode: decodeJson,
  encode: (output) => Buffer.from(encodeJson(output), "utf8"),
};

const cbor: WireCodec = {
  encoding: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode: decodeCbor,
  encode: (output) => Buffer.from(encodeCbor(output)),
};

/** The codec for a content type (parameters such as a charset do not matter), or undefined. */
export function codecFor(contentType: string | undefined): WireCodec | undefined {
  const name = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return [json, cbor].find((codec) => codec.contentType === name);
}
