import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Credentials } from "../credentials.js";
import { signedHeaders } from "../sigv4/signed-headers.js";
import { GET_USAGE_TARGET } from "./get-usage.js";
import { type UsageReport, usageReport } from "./usage-report.js";

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 << 20;

export interface UsageQuestion {
  readonly endpoint: URL;
  readonly region: string;
  readonly credentials: Credentials;
  /** Milliseconds since 1970. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/**
 * Asks a running cloud what its streams used.
 * @throws {Error} that says why there is no answer.
 */
export async function askUsage({ endpoint, region, credentials, fromMs, toMs }: UsageQuestion): Promise<UsageReport> {
  const body = JSON.stringify({
    ...(fromMs === undefined ? {} : { From: fromMs / 1000 }),
    ...(toMs === undefined ? {} : { To: toMs / 1000 }),
  });
  const headers = signedHeaders({
    host: endpoint.host,
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": GET_USAGE_TARGET },
    body,
    scope: { region, service: "kinesis" },
    credentials,
    nowMs: Date.now(),
  });
  const { status, text } = await post(endpoint, headers, body);
  const answer = parsed(text);
  if (status === 200) {
    const report = usageReport.safeParse(answer);
    if (report.success) return report.data;
    throw new Error(`${endpoint.href} answered something else than usage; is it Headwater's cloud, of this version?`);
  }
  const { __type: type = `status ${status}`, message = "" } = (answer ?? {}) as { __type?: string; message?: string };
  throw new Error(`${endpoint.href} refused: ${type} ${message}`.trimEnd());
}

function post(endpoint: URL, headers: Record<string, string>, body: string): Promise<{ status: number; text: string }> {
  const send = endpoint.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown): void =>
      reject(new Error(`cannot ask ${endpoint.href}: ${why}`, { cause }));
    const outgoing = send(
      endpoint,
      { method: "POST", path: "/", headers: { ...headers, "content-length": Buffer.byteLength(body) } },
      (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) incoming.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        incoming.on("error", (error) => failed(error.message, error));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      },
    );
    outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    outgoing.on("error", (error) => failed(error.message, error));
    outgoing.end(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
