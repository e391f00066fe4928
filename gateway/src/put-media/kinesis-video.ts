import { PutMediaError } from "./put-media-error.js";
import { signPost, type SignOptions } from "./sign.js";

/** Where Kinesis Video is, and how to sign for it. */
export interface KinesisVideoOptions extends SignOptions {
  /** Of the control plane; AWS's own in the region where it is left out. */
  readonly endpoint?: string;
  /** Until an answer begins; 30 s where it is left out. */
  readonly answerTimeoutMs?: number;
}

export const ANSWER_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

/**
 * One call of the control plane.
 * @param operation as it stands in the path, such as `getDataEndpoint`.
 * @returns the answer's members.
 * @throws {PutMediaError} `unreachable`, `refused`, `malformed-answer`; or the signal's reason.
 */
export async function callKinesisVideo(
  options: KinesisVideoOptions,
  operation: string,
  input: object,
): Promise<Readonly<Record<string, unknown>>> {
  const { endpoint = `https://kinesisvideo.${options.region}.amazonaws.com`, signal } = options;
  const url = new URL(`${endpoint.replace(/\/$/, "")}/${operation}`);
  const body = JSON.stringify(input);
  const headers = await signPost(url, { "content-type": "application/json" }, body, options);
  const timeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "error",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    text = await textOf(response);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof PutMediaError) throw error;
    const why = timeout.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    throw new PutMediaError("unreachable", `${operation} at ${url.origin}: ${why}`, { cause: error });
  }
  if (!response.ok) throw refusal(operation, response.status, response.headers.get("x-amzn-errortype"), text);
  const answer = jsonOf(text);
  if (answer === undefined) throw new PutMediaError("malformed-answer", `${operation} answered no JSON object`);
  return answer;
}

/**
 * Asks where a stream's media go; the answer holds for as long as it works.
 * @throws {PutMediaError} as {@link callKinesisVideo}.
 */
export async function getDataEndpoint(options: KinesisVideoOptions, streamName: string): Promise<string> {
  const { DataEndpoint: endpoint } = await callKinesisVideo(options, "getDataEndpoint", {
    StreamName: streamName,
    APIName: "PUT_MEDIA",
  });
  if (typeof endpoint !== "string" || !URL.canParse(endpoint))
    throw new PutMediaError("malformed-answer", "getDataEndpoint answered no URL");
  return endpoint;
}

/** What an HTTP error says, of any operation. */
export function refusal(operation: string, status: number, errorType: string | null, body: string): PutMediaError {
  // AWS puts a documentation URL behind a colon.
  const type = errorType?.split(":")[0];
  const { Message, message = Message } = jsonOf(body) ?? {};
  const said = typeof message === "string" ? `: ${message}` : "";
  return new PutMediaError("refused", `${operation}: ${type ?? `HTTP ${status}`}${said}`, {
    status,
    ...(type === undefined ? {} : { type }),
  });
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws {PutMediaError} `malformed-answer` where it is too long. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX)
      throw new PutMediaError("malformed-answer", `an answer of more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** fetch hides what went wrong in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
