import { type Socket, connect } from "node:net";
import type { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";

/** A gateway's control connection made by hand, so that it can say what no gateway says. */
export class RawControl {
  #received = "";

  private constructor(readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.toString("latin1");
    });
    // The other end may cut it: that is what tests are for.
    socket.on("error", () => socket.destroy());
  }

  /** Asks for the upgrade, unsigned; what comes of it is for {@link says} and {@link closed}. */
  static dial(scope: Scope, port: number, headers: readonly string[] = []): RawControl {
    const socket = connect(port, "127.0.0.1");
    scope.defer(() => socket.destroy());
    const head = [
      "GET /headwater/control/1 HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      ...headers,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    return new RawControl(socket);
  }

  /** Waits for the upgrade. */
  static async open(scope: Scope, port: number): Promise<RawControl> {
    const control = RawControl.dial(scope, port);
    await control.says(/^HTTP\/1\.1 101 /);
    return control;
  }

  /** Sends one text message, masked with zeros as RFC 6455, section 5.3, allows. */
  say(message: unknown): void {
    const text = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
    const head = Buffer.alloc(14);
    head.writeUInt8(0x81, 0);
    head.writeUInt8(0x80 | 127, 1);
    head.writeBigUInt64BE(BigInt(text.length), 2);
    this.socket.write(Buffer.concat([head, text]));
  }

  /** Says who it is, as a gateway does. */
  hello(gateway: string): void {
    const spoolId = "0f8fad5b-d9cb-469f-a165-70867728950e";
    this.say({ v: 1, id: 1, type: "hello", gateway, spoolId, resume: 0 });
  }

  /** Waits until what came matches. */
  async says(pattern: RegExp): Promise<void> {
    await until(
      () => `${pattern} in ${this.#received}`,
      () => pattern.test(this.#received),
    );
  }

  /** Waits until the other end closed it. @returns all that it said. */
  async closed(): Promise<string> {
    await until("the connection to be closed", () => this.socket.destroyed);
    return this.#received;
  }
}
