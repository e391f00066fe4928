import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from "mqtt-packet";

/** An MQTT client that does what the test says, packet by packet and byte by byte, and nothing by itself. */
export class RawClient {
  readonly socket: Socket;
  /** Everything that came, in order. */
  readonly received: Packet[] = [];
  readonly closed: Promise<void>;
  #changed: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const packets = parser();
    packets.on("packet", (packet) => {
      this.received.push(packet);
      this.#notify();
    });
    socket.on("data", (data) => packets.parse(data));
    // A reset is one of the ways in which the other side may close.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
        this.#notify();
      });
    });
  }

  /** A TCP connection and no more. */
  static async dial(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new RawClient(socket);
    await once(socket, "connect");
    return client;
  }

  /** Dials, sends CONNECT and waits for the CONNACK. */
  static async connect(port: number, clientId: string, given: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const client = await RawClient.dial(port);
    client.send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
      clientId,
      ...given,
    });
    await client.next("connack");
    return client;
  }

  send(packet: Packet): void {
    this.socket.write(generate(packet));
  }

  /** At QoS 1 unless told otherwise. */
  publish(messageId: number, topic: string, payload: Buffer | string, given: Partial<IPublishPacket> = {}): void {
    this.send({ cmd: "publish", messageId, topic, payload, qos: 1, dup: false, retain: false, ...given });
  }

  /** Waits for the packet and takes it out of {@link received}. @throws {Error} where the connection ends before. */
  async next<C extends Packet["cmd"]>(cmd: C, messageId?: number): Promise<Extract<Packet, { cmd: C }>> {
    for (;;) {
      const at = this.received.findIndex(
        (packet) => packet.cmd === cmd && (messageId === undefined || packet.messageId === messageId),
      );
      if (at !== -1) return this.received.splice(at, 1)[0] as Extract<Packet, { cmd: C }>;
      if (this.socket.closed) throw new Error(`the connection ended before ${cmd}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  #notify(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}
