import { type ClientRequest, type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { Readable } from "node:stream";
import { type EventMessage, EventStreamReader, headerText } from "@headwater/protocol/event-stream";
import { decodeCbor } from "../codec/cbor.js";
import { CBOR_TYPE, type Sent, type TestFront } from "./test-front.js";
import type { Answer } from "./test-service.js";

/** A message of an answer that goes on. */
export interface SeenEvent {
  readonly kind: string | undefined;
  readonly type: string | undefined;
  readonly body: Answer;
}

/** An answer of events, read message by message. */
export class Subscriber {
  readonly #messages: AsyncGenerator<EventMessage, void, undefined>;

  private constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
    /** Paused until somebody asks for an event. */
    readonly answer: Readable,
    /** Cuts the connection, or over HTTP/2 the stream. */
    readonly leave: () => void,
    /** Closes the connection without a word. */
    readonly hangUp: () => void,
  ) {
    this.#messages = messagesOf(answer);
  }

  static async http1(front: TestFront, sent: Sent): Promise<Subscriber> {
    const { path, headers } = await front.sign(sent);
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: front.port, method: "POST", path, agent: false as const, headers };
      const outgoing: ClientRequest = request(options, (answer) =>
        resolve(new Subscriber(answer.statusCode ?? 0, answer.headers, answer, leave, leave)),
      );
      const leave = (): void => void outgoing.destroy();
      outgoing.on("error", reject).end(sent.body);
    });
  }

  static async http2(front: TestFront, sent: Sent): Promise<Subscriber> {
    const { path, headers } = await front.sign(sent);
    const { host, ...rest } = headers;
    const socket = connectTcp(front.port, "127.0.0.1");
    const session = connect(`http://${host}`, { createConnection: () => socket }).on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": path, ...rest }).end(sent.body);
    stream.once("close", () => session.close());
    return new Promise((resolve, reject) => {
      stream.once("error", reject);
      stream.once("response", ({ ":status": status = 0, ...given }) =>
        resolve(
          new Subscriber(
            status,
            given,
            stream,
            () => stream.close(8),
            () => void socket.destroy(),
          ),
        ),
      );
    });
  }

  /** The next message; undefined at the end. @throws where the stream was cut. */
  async next(): Promise<SeenEvent | undefined> {
    const { value } = await this.#messages.next();
    if (value === undefined) return undefined;
    const kind = headerText(value, ":message-type");
    const payload = Buffer.from(value.payload);
    const isCbor = headerText(value, ":content-type") === CBOR_TYPE;
    const body = isCbor ? (decodeCbor(payload) as Answer) : (JSON.parse(payload.toString()) as Answer);
    return { kind, type: headerText(value, `:${kind}-type`), body };
  }
}

async function* messagesOf(answer: Readable): AsyncGenerator<EventMessage, void, undefined> {
  const reader = new EventStreamReader();
  for await (const chunk of answer) yield* reader.push(chunk as Buffer);
  reader.end();
}
