import type { CloudError } from "../cloud-error.js";
import { codecFor, type WireCodec } from "../codec/wire-codec.js";
import type { RequestHead } from "./call.js";
import { wireError } from "./wire-errors.js";

const LEGACY_TYPE = "application/json";
const NOT_FOUND = 404;

/**
 * How the answer to a request is written, which AWS tells from its content type: in one of the two protocols, in an
 * older form of JSON that knows no operation any more, or as XML where the protocol is unknown. A request without a body
 * that is not JSON counts as CBOR.
 */
export type AnswerForm =
  | { readonly kind: "protocol"; readonly codec: WireCodec }
  | { readonly kind: "legacy"; readonly codec: WireCodec }
  | { readonly kind: "xml" };

export interface WrittenError {
  readonly status: number;
  /** None where AWS says none. */
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

const [json, cbor] = ["application/x-amz-json-1.1", "application/x-amz-cbor-1.1"].map(codecFor);
/** By content types as nearly every request has one. */
const usual = new Map<string | undefined, AnswerForm>(
  [json, cbor].flatMap((codec) => (codec === undefined ? [] : [[codec.contentType, { kind: "protocol", codec }]])),
);

export function answerFormOf(request: RequestHead): AnswerForm {
  const { "content-type": contentType } = request.headers;
  const form = usual.get(contentType);
  if (form !== undefined) return form;
  const codec = codecFor(contentType);
  if (codec !== undefined) return { kind: "protocol", codec };
  if (request.method === "POST" && hasNoBody(request) && cbor !== undefined) return { kind: "protocol", codec: cbor };
  const isLegacy = contentType?.split(";", 1)[0]?.trim().toLowerCase() === LEGACY_TYPE;
  return isLegacy && json !== undefined ? { kind: "legacy", codec: json } : { kind: "xml" };
}

/** Whether the headers say that no body comes. */
export function hasNoBody({ headers, httpVersionMajor }: RequestHead): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = headers;
  return length === "0" || (length === undefined && encoding === undefined && httpVersionMajor === 1);
}

/** An error as AWS's clients read it. */
export function writeError(form: AnswerForm, error: CloudError): WrittenError {
  const { status, type, message, messageMember = "message" } = wireError(error);
  // Where there is no protocol, there is no such page.
  const pageStatus = error.code === "operation-unknown" ? NOT_FOUND : status;
  if (form.kind === "xml" || error.code === "wrong-method") {
    const xml = message === "" ? `<${type}/>\n` : `<${type}>\n  <Message>${message}</Message>\n</${type}>\n`;
    return { status: pageStatus, contentType: undefined, body: Buffer.from(xml) };
  }
  if (form.kind === "legacy") {
    const Output = { __type: `com.amazon.coral.service#${type}` };
    return { status: pageStatus, contentType: LEGACY_TYPE, body: form.codec.encode({ Output, Version: "1.0" }) };
  }
  const { codec } = form;
  const body = codec.encode({ __type: type, ...(message === "" ? {} : { [messageMember]: message }) });
  return { status, contentType: codec.contentType, body };
}
