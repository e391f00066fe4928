import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { ManualClock } from "@headwater/log/testing";
import pino from "pino";
import { BodyBudget } from "../../http/body-budget.js";
import { Listener, type ListenerHandlers } from "../../http/listener.js";
import { CloudMetrics } from "../../metrics.js";
import { SignatureVerifier } from "../../sigv4/index.js";
import { TokenSealer } from "../../streams/sealed-token.js";
import { awsSigner } from "../../testing/aws-signer.js";
import { MemoryCatalog } from "../../testing/memory-catalog.js";
import { MemoryLog } from "../../testing/memory-log.js";
import type { Answer } from "../../testing/test-service.js";
import { PlayableTracksReader } from "../hls/playable-tracks.js";
import { VideoFront } from "../http/video-front.js";
import { VideoService } from "../video-service.js";
import { VideoTraffic } from "../video-traffic.js";
import { ChunkReader } from "./read-chunks.js";

const accessKeyId = "HWAKEXAMPLE";
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

export interface TestAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: Answer;
}

/** An acknowledgement as it stood on the wire. */
export interface TestAck {
  readonly EventType: string;
  readonly FragmentTimecode?: number;
  readonly FragmentNumber?: string;
  readonly ErrorId?: number;
  readonly ErrorCode?: string;
}

export interface TestVideoOptions {
  /** Whether signatures are checked. */
  readonly verified?: boolean;
  /** The listener's. */
  readonly idleMs?: number;
}

/** Video Streams over HTTP on a port of this machine, with everything in memory behind it. */
export class TestVideo {
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  readonly catalog: MemoryCatalog;
  readonly service: VideoService;
  readonly port: number;
  readonly #metrics: CloudMetrics;
  readonly #listener: Listener;
  readonly #open = new Set<{ destroy(): unknown }>();

  private constructor(parts: {
    clock: ManualClock;
    log: MemoryLog;
    catalog: MemoryCatalog;
    service: VideoService;
    port: number;
    metrics: CloudMetrics;
    listener: Listener;
  }) {
    this.clock = parts.clock;
    this.log = parts.log;
    this.catalog = parts.catalog;
    this.service = parts.service;
    this.port = parts.port;
    this.#metrics = parts.metrics;
    this.#listener = parts.listener;
  }

  static async start(options: TestVideoOptions = {}): Promise<TestVideo> {
    const clock = new ManualClock();
    return TestVideo.open(clock, new MemoryLog(clock), new MemoryCatalog(), options);
  }

  static async open(
    clock: ManualClock,
    log: MemoryLog,
    catalog: MemoryCatalog,
    { verified = false, idleMs }: TestVideoOptions = {},
  ): Promise<TestVideo> {
    const budget = new BodyBudget({ bytesMax: 64 << 20, waitMs: 20_000, waitingMax: 100 });
    const metrics = new CloudMetrics({ log, budget });
    const traffic = new VideoTraffic(metrics.registry);
    const service = await VideoService.open({
      log,
      clock,
      catalog: catalog.video,
      accountId: "000000000000",
      region: "us-east-1",
      traffic,
      report: (message, detail) => {
        throw new Error(message, { cause: detail });
      },
    });
    traffic.watch(service);
    const now = (): number => clock.now();
    const verifier = new SignatureVerifier({
      region: "us-east-1",
      service: "kinesisvideo",
      secretOf: (key) => (key === accessKeyId ? secretAccessKey : undefined),
      now,
    });
    const front = new VideoFront({
      context: { service, sealer: new TokenSealer(Buffer.alloc(32)), tracks: new PlayableTracksReader(log), now },
      log,
      verifier: verified ? verifier : undefined,
      budget,
      metrics,
      traffic,
      logger: pino({ level: "silent" }),
    });
    const handlers: ListenerHandlers = {
      onRequest: (incoming, response) => void front.handle(incoming, response),
      onUpgrade: (_, socket) => void socket.destroy(),
      onRefused: () => undefined,
    };
    const listener = new Listener(handlers, idleMs);
    const { port } = await listener.listen(0, "127.0.0.1");
    return new TestVideo({ clock, log, catalog, service, port, metrics, listener });
  }

  /** The same data under a new process. */
  async restarted(): Promise<TestVideo> {
    await this.close();
    return TestVideo.open(this.clock, this.log, this.catalog);
  }

  /** Calls an operation that answers with JSON. */
  async call(operation: string, input: unknown, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> {
    const body = typeof input === "string" ? input : JSON.stringify(input);
    const [, answer] = await this.#request(operation, { "content-type": "application/json", ...headers }, body);
    const bytes = Buffer.concat(await answer.toArray());
    return {
      status: answer.statusCode ?? 0,
      type: answer.headers["x-amzn-errortype"]?.toString(),
      body: JSON.parse(bytes.toString()) as Answer,
    };
  }

  async createStream(StreamName: string, DataRetentionInHours = 24): Promise<string> {
    const { body } = await this.call("createStream", { StreamName, DataRetentionInHours });
    return String(body["StreamARN"]);
  }

  /** Begins a PutMedia call; resolves once it is answered. */
  async putMedia(stream: string, headers: Readonly<Record<string, string>> = {}): Promise<TestPut> {
    const [outgoing, answer] = await this.#request("putMedia", {
      "x-amzn-stream-name": stream,
      "x-amzn-fragment-timecode-type": "ABSOLUTE",
      "transfer-encoding": "chunked",
      ...headers,
    });
    return new TestPut(outgoing, answer);
  }

  /** Begins a GetMedia call; resolves once it is answered. */
  async getMedia(stream: string, StartSelector: unknown): Promise<TestGet> {
    const [, answer] = await this.#request("getMedia", {}, JSON.stringify({ StreamName: stream, StartSelector }));
    if (answer.statusCode !== 200) throw new Error(Buffer.concat(await answer.toArray()).toString());
    return new TestGet(answer);
  }

  /** Sends fragments in one call and waits until all of it is acknowledged. */
  async put(stream: string, ...bytes: readonly Buffer[]): Promise<TestAck[]> {
    const call = await this.putMedia(stream);
    for (const part of bytes) call.outgoing.write(part);
    call.outgoing.end();
    await call.ended;
    return call.acks;
  }

  /** The value of a metric's line; 0 where there is none. */
  async counted(name: string): Promise<number> {
    const line = (await this.#metrics.text())
      .split("\n")
      .find((one) => one.startsWith(`headwater_cloud_video_${name} `));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  /** Headers that the AWS SDK's signer makes for an operation. */
  async sign(
    operation: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Record<string, string>> {
    const signer = awsSigner({ accessKeyId, secretAccessKey, service: "kinesisvideo" });
    const signed = await signer.sign(
      {
        method: "POST",
        protocol: "http:",
        hostname: "127.0.0.1",
        path: `/${operation}`,
        headers: { host: `127.0.0.1:${this.port}`, ...headers },
        body,
      },
      { signingDate: new Date(this.clock.now()) },
    );
    return signed.headers;
  }

  async close(): Promise<void> {
    for (const one of this.#open) one.destroy();
    await this.service.cutConnections();
    await this.#listener.stop();
    await this.service.close();
  }

  #request(
    operation: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<[ClientRequest, IncomingMessage]> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        host: "127.0.0.1",
        port: this.port,
        method: "POST",
        path: `/${operation}`,
        headers,
        agent: false,
      });
      this.#open.add(outgoing);
      outgoing.on("response", (answer) => resolve([outgoing, answer])).on("error", reject);
      if (body === undefined) outgoing.flushHeaders();
      else outgoing.end(body);
    });
  }
}

/** A PutMedia call under way. */
export class TestPut {
  readonly acks: TestAck[] = [];
  /** Resolves when the answer is over, whether or not it ended well. */
  readonly ended: Promise<void>;
  #text = "";
  #heard: (() => void) | undefined;

  constructor(
    readonly outgoing: ClientRequest,
    readonly answer: IncomingMessage,
  ) {
    answer.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#text + text).split("\n");
      this.#text = lines.pop() ?? "";
      this.acks.push(...lines.map((line) => JSON.parse(line) as TestAck));
      this.#heard?.();
    });
    answer.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      answer.on("close", () => {
        resolve();
        this.#heard?.();
      });
    });
  }

  /** Resolves with the acknowledgement once it is there. */
  async ack(EventType: string, FragmentTimecode?: number): Promise<TestAck> {
    for (;;) {
      const found = this.acks.find(
        (ack) =>
          ack.EventType === EventType && (FragmentTimecode === undefined || ack.FragmentTimecode === FragmentTimecode),
      );
      if (found !== undefined) return found;
      if (this.answer.closed) throw new Error(`ended without ${EventType}: ${JSON.stringify(this.acks)}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }
}

/** A GetMedia call under way. */
export class TestGet {
  readonly #reader = new ChunkReader();
  #heard: (() => void) | undefined;

  constructor(readonly answer: IncomingMessage) {
    answer.on("error", () => undefined);
    answer.on("data", (bytes: Buffer) => {
      this.#reader.push(bytes);
      this.#heard?.();
    });
    answer.on("close", () => this.#heard?.());
  }

  /** Resolves once there are so many chunks; then leaves. */
  async chunks(count: number): Promise<ChunkReader["chunks"]> {
    while (this.#reader.chunks.length < count) {
      if (this.answer.closed) throw new Error(`ended after ${this.#reader.chunks.length} of ${count} chunks`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    this.answer.destroy();
    return this.#reader.chunks;
  }
}
