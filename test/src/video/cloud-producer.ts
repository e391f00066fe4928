import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { credentials, region } from "../harness/credentials.js";
import type { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";

export interface Ack {
  readonly EventType: string;
  readonly FragmentTimecode?: number;
  readonly FragmentNumber?: string;
  readonly ErrorId?: number;
}

/** How producers differ. */
export interface Habits {
  /** Whether it asks for `100 Continue`, and waits for it: as libcurl does for a second or two; sends on at once; never asks. */
  readonly expects?: "waits" | "sends on" | "never";
  readonly timecodes?: "ABSOLUTE" | "RELATIVE";
}

/** What the producer says of its start: milliseconds without leading zeros, as the SDK writes them. */
export const START_TEXT = "1795188690.51";
export const START_MS = 1_795_188_690_051;

/**
 * PutMedia as the AWS producer SDK for C sends it, on a socket of its own: Host without its port, `connection` and
 * `transfer-encoding` signed, no hash of the body, chunks.
 */
export class CloudProducer {
  readonly acks: Ack[] = [];
  /** The answer's status lines: `100 Continue` where it was asked for, and what came of the call. */
  readonly statuses: string[] = [];
  isClosed = false;
  /** Whether the answer came to its end. */
  hasEnded = false;
  readonly #socket: Socket;
  #received = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#read(data.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => (this.isClosed = true));
  }

  static async open(
    scope: Scope,
    url: string,
    stream: string,
    { expects = "waits", timecodes = "ABSOLUTE" }: Habits = {},
  ): Promise<CloudProducer> {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    scope.defer(() => socket.destroy());
    await once(socket, "connect");
    const producer = new CloudProducer(socket);
    const headers = signed("/putMedia", {
      connection: "keep-alive",
      host: "127.0.0.1",
      "transfer-encoding": "chunked",
      "user-agent": "AWS-SDK-KVS/3.5.0 GCC/12.2.0 Linux/6.1 x86_64",
      "x-amzn-fragment-acknowledgment-required": "1",
      "x-amzn-fragment-timecode-type": timecodes,
      "x-amzn-producer-start-timestamp": START_TEXT,
      "x-amzn-stream-name": stream,
    });
    const expect = expects !== "never" ? "Expect: 100-continue\r\n" : "";
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /putMedia HTTP/1.1\r\n${lines.join("")}content-type: application/json\r\n${expect}\r\n`);
    if (expects !== "sends on") await until("PutMedia to be answered", () => producer.statuses.length > 0);
    return producer;
  }

  /** Sends bytes as one chunk of the body; resolves once the system has them. */
  async send(bytes: Uint8Array): Promise<void> {
    this.#socket.write(`${bytes.length.toString(16)}\r\n`);
    this.#socket.write(bytes);
    if (this.#socket.write("\r\n") || this.isClosed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off("drain", done).off("close", done);
        resolve();
      };
      this.#socket.on("drain", done).on("close", done);
    });
  }

  /** Ends the body. */
  end(): void {
    this.#socket.write("0\r\n\r\n");
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get hasError(): boolean {
    return this.acks.some(({ EventType }) => EventType === "ERROR");
  }

  async ack(event: string, timecodeMs?: number): Promise<Ack> {
    return await until(
      () => `${event} ${timecodeMs}; acknowledged was ${JSON.stringify(this.acks)}`,
      () =>
        this.acks.find(
          ({ EventType, FragmentTimecode }) =>
            EventType === event && (timecodeMs === undefined || FragmentTimecode === timecodeMs),
        ),
    );
  }

  /** The answer's head, `100 Continue` before it, then chunks; every line that is an object is an acknowledgement. */
  #read(text: string): void {
    this.#received += text;
    const lines = this.#received.split("\n");
    this.#received = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("HTTP/1.1 ")) this.statuses.push(line.trim());
      if (line === "0\r") this.hasEnded = true;
      if (line.startsWith("{")) this.acks.push(JSON.parse(line) as Ack);
    }
  }
}

/** The headers with a signature over all of them and an empty body. */
function signed(path: string, given: Readonly<Record<string, string>>): Record<string, string> {
  const date = `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const headers: Record<string, string> = { ...given, "x-amz-date": date };
  const names = Object.keys(headers).toSorted();
  const canonical = [
    "POST",
    path,
    "",
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    names.join(";"),
    sha256(""),
  ].join("\n");
  const scope = `${date.slice(0, 8)}/${region}/kinesisvideo/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`;
  const key = scope
    .split("/")
    .reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`AWS4${credentials.secretAccessKey}`));
  const credential = `${credentials.accessKeyId}/${scope}`;
  headers["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${hmac(key, toSign).toString("hex")}`;
  return headers;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
