import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Logger } from "pino";
import { CloudError, type ErrorCode } from "../cloud-error.js";
import { malformed } from "../codec/malformed.js";
import type { BodyBudget } from "../http/body-budget.js";
import { isSignatureFailure, receive } from "../http/receive.js";
import { sendAnswer } from "../http/send-answer.js";
import { toCloudError, wireError } from "../http/wire-errors.js";
import type { CloudMetrics } from "../metrics.js";
import type { SignatureVerifier } from "../sigv4/index.js";
import { readMetricData } from "./metric-data-input.js";
import { type MetricDataProtocol, metricDataProtocolOf, type WrittenAnswer } from "./metric-data-protocol.js";
import type { PublishedMetrics } from "./published-metrics.js";

const OPERATION = "PutMetricData";
/** As it comes, and unpacked. */
const BODY_BYTES_MAX = 1 << 20;

export interface MetricDataFrontOptions {
  readonly published: PublishedMetrics;
  /** Undefined where any credentials will do. */
  readonly verifier: SignatureVerifier | undefined;
  readonly budget: BodyBudget;
  readonly metrics: CloudMetrics;
  readonly logger: Logger;
}

/** Whether a request is for CloudWatch. */
export function isMetricDataRequest(request: IncomingMessage): boolean {
  return metricDataProtocolOf(request) !== undefined;
}

/**
 * Takes what the Kinesis Client Library and the Producer Library publish: CloudWatch's PutMetricData at the streams'
 * own address, and nothing else of CloudWatch.
 */
export class MetricDataFront {
  readonly #options: MetricDataFrontOptions;

  constructor(options: MetricDataFrontOptions) {
    this.#options = options;
  }

  /** Answers the request, whatever happens. @param request one that {@link isMetricDataRequest}. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const protocol = metricDataProtocolOf(request);
    if (protocol === undefined) throw new TypeError("not a request for CloudWatch");
    const requestId = randomUUID();
    let failure: ErrorCode | undefined;
    try {
      await this.#serve(protocol, request, response);
      send(request, response, requestId, protocol.writeDone(requestId, OPERATION));
    } catch (thrown) {
      const error = toCloudError(thrown);
      failure = error.code;
      this.#report(error, requestId);
      if (failure !== "request-incomplete" && !response.headersSent && !response.destroyed) {
        send(request, response, requestId, protocol.writeError(error, requestId));
      }
    }
    const operation = failure === "operation-unknown" ? "unknown" : OPERATION;
    this.#options.metrics.answered(`CloudWatch.${operation}`, failure, performance.now() - startedMs);
  }

  async #serve(protocol: MetricDataProtocol, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") throw new CloudError("operation-unknown", "");
    const { verifier, budget, published } = this.#options;
    const isPacked = request.headers["content-encoding"]?.toLowerCase() === "gzip";
    const { body, release } = await receive(request, response, {
      verifier,
      budget,
      bodyBytesMax: BODY_BYTES_MAX,
      workBytes: isPacked ? BODY_BYTES_MAX : 0,
    });
    try {
      const bytes = body.bytes.whole();
      const { operation, input, numbers } = protocol.read(request, isPacked ? await unpack(bytes) : bytes);
      if (operation !== OPERATION) {
        throw new CloudError("operation-unknown", "Of CloudWatch, only PutMetricData is served here.");
      }
      published.add(readMetricData(input, numbers));
    } finally {
      release();
    }
  }

  #report(error: CloudError, requestId: string): void {
    const { logger, metrics } = this.#options;
    const detail = { requestId, operation: OPERATION, code: error.code };
    if (isSignatureFailure(error.code)) metrics.signatureFailed(error.code);
    if (wireError(error).status >= 500) logger.error({ ...detail, err: error }, "request failed");
    else logger.debug({ ...detail, reason: error.message || error.cause }, "request refused");
  }
}

async function unpack(body: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(body, { maxOutputLength: BODY_BYTES_MAX });
  } catch (error) {
    throw malformed(`The request body is no gzip of at most ${BODY_BYTES_MAX} bytes.`, { cause: error });
  }
}

function send(request: IncomingMessage, response: ServerResponse, requestId: string, answer: WrittenAnswer): void {
  sendAnswer(request, response, { ...answer, headers: { ...answer.headers, "x-amzn-requestid": requestId } });
}
