import type { IncomingMessage } from "node:http";
import type { CloudError, ErrorCode } from "../cloud-error.js";
import { decodeCbor, encodeCbor } from "../codec/cbor.js";
import { decodeJson } from "../codec/json.js";
import { isSignatureFailure } from "../http/receive.js";
import { wireError } from "../http/wire-errors.js";
import { decodeQueryForm } from "./query-form.js";

// Source: CloudWatch's service model, and Smithy's pages on its protocols.
const TARGET_PREFIX = "GraniteServiceVersion20100801.";
const PATH_PREFIX = "/service/GraniteServiceVersion20100801/operation/";
const XML_NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/";
/** The code of the query protocol, beside the other two's. */
const CODE_HEADER = "x-amzn-query-error";
const JSON_TYPE = "application/x-amz-json-1.0";
const CBOR_TYPE = "application/cbor";
const FORM_TYPE = "application/x-www-form-urlencoded";

export interface MetricCall {
  readonly operation: string;
  readonly input: unknown;
  /** How numbers stand in the input. */
  readonly numbers: "number" | "text";
}

export interface WrittenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One of the protocols that CloudWatch's clients speak. */
export interface MetricDataProtocol {
  /** @throws {CloudError} `body-malformed`. */
  read(request: IncomingMessage, body: Buffer): MetricCall;
  /** To an operation that answers nothing. */
  writeDone(requestId: string, operation: string): WrittenAnswer;
  writeError(error: CloudError, requestId: string): WrittenAnswer;
}

/** Java's SDK 2 from 2.40.6 on. */
const cbor: MetricDataProtocol = {
  read: ({ url = "" }, body) => ({
    operation: url.slice(PATH_PREFIX.length),
    input: decodeCbor(body),
    numbers: "number",
  }),
  writeDone: () => ({ status: 200, headers: { "smithy-protocol": "rpc-v2-cbor" }, body: Buffer.alloc(0) }),
  writeError(error) {
    const { status, type, message, code, fault } = spelt(error);
    const headers = { "smithy-protocol": "rpc-v2-cbor", "content-type": CBOR_TYPE, [CODE_HEADER]: `${code};${fault}` };
    return { status, headers, body: Buffer.from(encodeCbor({ __type: type, message })) };
  },
};

/** Newer boto3 and AWS CLI. */
const json: MetricDataProtocol = {
  read: ({ headers }, body) => ({
    operation: String(headers["x-amz-target"]).slice(TARGET_PREFIX.length),
    input: decodeJson(body),
    numbers: "number",
  }),
  writeDone: () => ({ status: 200, headers: { "content-type": JSON_TYPE }, body: Buffer.from("{}") }),
  writeError(error) {
    const { status, type, message, code, fault } = spelt(error);
    const headers = { "content-type": JSON_TYPE, [CODE_HEADER]: `${code};${fault}` };
    return { status, headers, body: Buffer.from(JSON.stringify({ __type: type, message })) };
  },
};

/** Java's SDK 1, and all SDKs before. */
const query: MetricDataProtocol = {
  read(_, body) {
    const input = decodeQueryForm(body);
    return { operation: typeof input["Action"] === "string" ? input["Action"] : "", input, numbers: "text" };
  },
  writeDone: (requestId, operation) =>
    xml(200, `${operation}Response`, `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`),
  writeError(error, requestId) {
    const { status, message, code, fault } = spelt(error);
    const members = `<Type>${fault}</Type><Code>${code}</Code><Message>${escaped(message)}</Message>`;
    const content = `<Error>${members}</Error><RequestId>${requestId}</RequestId>`;
    return xml(isSignatureFailure(error.code) ? 403 : status, "ErrorResponse", content);
  },
};

/** The protocol of a request to CloudWatch; undefined where it is none. */
export function metricDataProtocolOf({ headers, url = "" }: IncomingMessage): MetricDataProtocol | undefined {
  const target = headers["x-amz-target"];
  if (target !== undefined) return String(target).startsWith(TARGET_PREFIX) ? json : undefined;
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === CBOR_TYPE && url.startsWith(PATH_PREFIX)) return cbor;
  return type === FORM_TYPE && headers.authorization?.includes("/monitoring/aws4_request") ? query : undefined;
}

/** What CloudWatch calls otherwise than Kinesis: in JSON and CBOR, and in the query protocol. */
const spellings: Partial<Record<ErrorCode, { readonly type?: string; readonly code: string }>> = {
  "constraint-violated": { type: "InvalidParameterValueException", code: "InvalidParameterValue" },
  "argument-invalid": { type: "InvalidParameterCombinationException", code: "InvalidParameterCombination" },
  "operation-unknown": { code: "InvalidAction" },
  "body-malformed": { code: "MalformedInput" },
  "access-key-unknown": { code: "InvalidClientTokenId" },
  "security-token-unknown": { code: "InvalidClientTokenId" },
  "signature-mismatch": { code: "SignatureDoesNotMatch" },
  internal: { type: "InternalServiceFault", code: "InternalServiceError" },
};

function spelt(error: CloudError): {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly code: string;
  readonly fault: "Sender" | "Receiver";
} {
  const { status, type, message } = wireError(error);
  const spelling = spellings[error.code];
  const code = spelling?.code ?? type.replace(/Exception$/, "");
  return { status, type: spelling?.type ?? type, message, code, fault: status < 500 ? "Sender" : "Receiver" };
}

function xml(status: number, element: string, content: string): WrittenAnswer {
  const text = `<${element} xmlns="${XML_NAMESPACE}">${content}</${element}>\n`;
  return { status, headers: { "content-type": "text/xml" }, body: Buffer.from(text) };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
