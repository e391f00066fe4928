import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { crc32 } from "node:zlib";
import type { Logger } from "pino";
import type { ErrorCode } from "../cloud-error.js";
import { decodeJson } from "../codec/json.js";
import type { BodyBudget } from "../http/body-budget.js";
import { isSignatureFailure, receive } from "../http/receive.js";
import { sendAnswer } from "../http/send-answer.js";
import { toCloudError, wireError } from "../http/wire-errors.js";
import type { CloudMetrics } from "../metrics.js";
import type { SignatureVerifier } from "../sigv4/index.js";
import { LeaseError, type LeaseErrorCode } from "./lease-error.js";
import type { LeaseTables } from "./lease-tables.js";
import { type LeaseContext, leaseOperations } from "./operations/index.js";

const TARGET_PREFIX = "DynamoDB_20120810.";
const CONTENT_TYPE = "application/x-amz-json-1.0";
/** BatchWriteItem's and TransactWriteItems' own limits are 16 MB and 4 MB; leases are half a kilobyte each. */
const BODY_BYTES_MAX = 1 << 20;

export interface LeaseFrontOptions {
  readonly tables: LeaseTables;
  readonly context: LeaseContext;
  /** Undefined where any credentials will do. */
  readonly verifier: SignatureVerifier | undefined;
  readonly budget: BodyBudget;
  readonly metrics: CloudMetrics;
  readonly logger: Logger;
}

/** Whether a request is for the lease tables. */
export function isLeaseRequest({ headers }: IncomingMessage): boolean {
  return headers["x-amz-target"]?.toString().startsWith("DynamoDB_") === true;
}

/** The lease tables' front door: DynamoDB's JSON protocol at the streams' own address. */
export class LeaseFront {
  readonly #options: LeaseFrontOptions;

  constructor(options: LeaseFrontOptions) {
    this.#options = options;
  }

  /** Answers the request, whatever happens. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const { metrics } = this.#options;
    const target = String(request.headers["x-amz-target"]);
    const name = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : "";
    const operationName = leaseOperations.has(name) ? name : "unknown";
    let result: ErrorCode | LeaseErrorCode | undefined;
    try {
      const answer = await this.#serve(request, response, operationName);
      send(request, response, 200, answer ?? {});
    } catch (thrown) {
      result = this.#refuse(request, response, operationName, thrown);
    }
    metrics.answered(`DynamoDB.${operationName}`, result, performance.now() - startedMs);
  }

  async #serve(request: IncomingMessage, response: ServerResponse, operationName: string): Promise<unknown> {
    const { tables, context, verifier, budget } = this.#options;
    const operation = leaseOperations.get(operationName);
    if (request.method !== "POST" || operation === undefined) throw new LeaseError("unknown-operation", "");
    const { body, release } = await receive(request, response, { verifier, budget, bodyBytesMax: BODY_BYTES_MAX });
    try {
      const input = decodeJson(body.bytes.whole());
      return await tables.call((state) => operation(input, state, context));
    } finally {
      release();
    }
  }

  /** @returns the cause, for the metrics. */
  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    operation: string,
    thrown: unknown,
  ): ErrorCode | LeaseErrorCode {
    const { logger, metrics } = this.#options;
    if (thrown instanceof LeaseError) {
      logger.debug({ operation, code: thrown.code, reason: thrown.message }, "request refused");
      // The other services say `message`; this one's malformed bodies say `Message`.
      const member = thrown.code === "malformed" ? "Message" : "message";
      send(request, response, 400, {
        __type: thrown.type,
        ...(thrown.message === "" ? {} : { [member]: thrown.message }),
        ...thrown.members,
      });
      return thrown.code;
    }
    const error = toCloudError(thrown);
    const { status, type, message } = wireError(error);
    if (isSignatureFailure(error.code)) metrics.signatureFailed(error.code);
    if (status >= 500) logger.error({ operation, code: error.code, err: error }, "request failed");
    else logger.debug({ operation, code: error.code, reason: error.message }, "request refused");
    if (error.code !== "request-incomplete" && !response.headersSent && !response.destroyed) {
      const service = status >= 500 ? "com.amazonaws.dynamodb.v20120810" : "com.amazon.coral.service";
      const shownType = type === "InternalFailure" ? "InternalServerError" : type;
      send(request, response, status, { __type: `${service}#${shownType}`, message });
    }
    return error.code;
  }
}

function send(request: IncomingMessage, response: ServerResponse, status: number, answer: unknown): void {
  const body = Buffer.from(JSON.stringify(answer));
  const headers = {
    "content-type": CONTENT_TYPE,
    "x-amzn-requestid": randomUUID(),
    "x-amz-crc32": String(crc32(body)),
  };
  sendAnswer(request, response, { status, headers, body });
}
