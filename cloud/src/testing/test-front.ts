import { Agent, type IncomingHttpHeaders, request } from "node:http";
import pino from "pino";
import { decodeCbor } from "../codec/cbor.js";
import { AwsFront } from "../http/aws-front.js";
import { BodyBudget, type BodyBudgetLimits } from "../http/body-budget.js";
import { Listener } from "../http/listener.js";
import { nodeCall } from "../http/http2-call.js";
import { CloudMetrics } from "../metrics.js";
import { SignatureVerifier } from "../sigv4/index.js";
import { awsSigner } from "./aws-signer.js";
import { type Answer, TestService } from "./test-service.js";

const ACCESS_KEY = "HWAKEXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
export const JSON_TYPE = "application/x-amz-json-1.1";
export const CBOR_TYPE = "application/x-amz-cbor-1.1";

export interface Sent {
  readonly operation?: string;
  readonly body?: Uint8Array | string;
  readonly contentType?: string;
  /** Signed with the rest. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly secretAccessKey?: string;
  readonly accessKeyId?: string;
  readonly service?: string;
  readonly signedAt?: Date;
  /** Signs the query instead, to hold for so many seconds. */
  readonly presignedSeconds?: number;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The body, decoded as its content type says; empty where there is none. */
  readonly body: Answer;
}

/** The AWS front on a port of this machine, with streams in memory behind it. */
export class TestFront {
  readonly it: TestService;
  readonly port: number;
  readonly budget: BodyBudget;
  readonly #logged: string[];
  readonly #metrics: CloudMetrics;
  readonly #listener: Listener;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(
    it: TestService,
    parts: { port: number; budget: BodyBudget; metrics: CloudMetrics; listener: Listener; logged: string[] },
  ) {
    this.it = it;
    this.port = parts.port;
    this.budget = parts.budget;
    this.#logged = parts.logged;
    this.#metrics = parts.metrics;
    this.#listener = parts.listener;
  }

  static async start({
    verified = true,
    budget: limits = {},
    idleMs,
    plain = true,
  }: {
    verified?: boolean;
    budget?: Partial<BodyBudgetLimits>;
    idleMs?: number;
    /** Whether plain requests are taken without Node's HTTP. */
    plain?: boolean;
  } = {}): Promise<TestFront> {
    const it = await TestService.start();
    const budget = new BodyBudget({ bytesMax: 64 << 20, waitMs: 20_000, waitingMax: 100, ...limits });
    const metrics = new CloudMetrics({ log: it.log, budget });
    const logged: string[] = [];
    const logger = pino({ level: "error" }, { write: (line: string) => void logged.push(line) });
    const verifier = new SignatureVerifier({
      region: "us-east-1",
      service: "kinesis",
      secretOf: (key) => (key === ACCESS_KEY ? SECRET : undefined),
      now: () => it.clock.now(),
    });
    const front = new AwsFront({
      context: { ...it.context, traffic: metrics.traffic },
      verifier: verified ? verifier : undefined,
      budget,
      metrics,
      logger,
    });
    const listener = new Listener(
      {
        onRequest: (incoming, response) => void front.handle(nodeCall(incoming, response)),
        onUpgrade: (_, socket) => void socket.destroy(),
        onRefused: (cause) => metrics.connectionRefused(cause),
        ...(plain && {
          plain: { takes: (target) => front.answersWhole(target), onCall: (call) => void front.handle(call) },
        }),
      },
      idleMs,
    );
    const { port } = await listener.listen(0, "127.0.0.1");
    return new TestFront(it, { port, budget, metrics, listener, logged });
  }

  /** A signed request over HTTP/1.1. */
  async send(sent: Sent): Promise<Received> {
    const { path, headers } = await this.sign(sent);
    return this.sendRaw({ path, headers, body: sent.body ?? "{}" });
  }

  /** The path and headers of a request signed by the AWS SDK's signer. */
  async sign(sent: Sent): Promise<{ path: string; headers: Record<string, string> }> {
    const { operation = "ListStreams", body = "{}", contentType = JSON_TYPE, presignedSeconds, service } = sent;
    const { accessKeyId = ACCESS_KEY, secretAccessKey = SECRET } = sent;
    const signingDate = sent.signedAt ?? new Date(this.it.clock.now());
    const signer = awsSigner({ accessKeyId, secretAccessKey, ...(service === undefined ? {} : { service }) });
    const unsigned = {
      method: "POST",
      protocol: "http:",
      hostname: "127.0.0.1",
      path: "/",
      headers: {
        host: `127.0.0.1:${this.port}`,
        "content-type": contentType,
        "x-amz-target": `Kinesis_20131202.${operation}`,
        ...sent.headers,
      },
      body,
    };
    if (presignedSeconds === undefined) {
      const { headers } = await signer.sign(unsigned, { signingDate });
      return { path: "/", headers };
    }
    const { headers, query = {} } = await signer.presign(unsigned, {
      signingDate,
      expiresIn: presignedSeconds,
      unhoistableHeaders: new Set(["x-amz-target"]),
    });
    const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    return { path: `/?${pairs.join("&")}`, headers };
  }

  /** Any request over HTTP/1.1. */
  sendRaw({
    method = "POST",
    path = "/",
    headers,
    body = "",
  }: {
    method?: string;
    path?: string;
    headers: Readonly<Record<string, string>>;
    body?: Uint8Array | string;
  }): Promise<Received> {
    return new Promise((resolve, reject) => {
      const agent = this.#agent;
      const options = { host: "127.0.0.1", port: this.port, method, path, agent };
      const outgoing = request(
        { ...options, headers: { "content-length": Buffer.byteLength(body), ...headers } },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
          incoming.on("end", () => {
            const bytes = Buffer.concat(chunks);
            const { statusCode: status = 0, headers: given } = incoming;
            resolve({ status, headers: given, bytes, body: decoded(bytes, given["content-type"]) });
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  /** The value of a metric's line, such as `requests_total{operation="PutRecord",result="ok"}`; 0 where there is none. */
  async counted(name: string): Promise<number> {
    const line = (await this.#metrics.text()).split("\n").find((one) => one.startsWith(`headwater_cloud_${name} `));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  /** @throws {Error} where anything was logged as an error: no request may cause one. */
  async close(): Promise<void> {
    this.#agent.destroy();
    this.it.context.fanOut.stop();
    await this.#listener.stop();
    await this.it.close();
    if (this.#logged.length > 0) throw new Error(`logged as errors: ${this.#logged.join("")}`);
  }
}

function decoded(bytes: Buffer, contentType: string | undefined): Answer {
  if (bytes.length === 0) return {};
  if (contentType === CBOR_TYPE) return decodeCbor(bytes) as Answer;
  if (contentType === JSON_TYPE) return JSON.parse(bytes.toString()) as Answer;
  return { text: bytes.toString() };
}
