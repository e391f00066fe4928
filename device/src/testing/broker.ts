import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes";

/** A real MQTT broker on loopback that commits, acknowledges and dies as a test says. */
export class Broker {
  readonly aedes: Aedes;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;
  /** Called for every QoS 1 message; the acknowledgement follows its promise, a rejection closes the connection. */
  onPublish: (packet: PublishPacket, client: Client | null) => Promise<void> = () => Promise.resolve();
  /** QoS 0 messages, in order of arrival. */
  readonly told: PublishPacket[] = [];
  /** The ids of all clients that ever connected. */
  readonly clientIds: string[] = [];

  static async start(options: { readonly users?: Readonly<Record<string, string>> } = {}): Promise<Broker> {
    const broker = new Broker(await Aedes.createBroker({}));
    const { users } = options;
    broker.aedes.authenticate = (_client, username, password, done) => {
      const isRight = users === undefined || users[username ?? ""] === password?.toString();
      const error: AuthenticateError = Object.assign(new Error("bad credentials"), { returnCode: 4 });
      done(isRight ? null : error, isRight);
    };
    await broker.listen();
    return broker;
  }

  private constructor(aedes: Aedes) {
    this.aedes = aedes;
    aedes.on("client", ({ id }) => this.clientIds.push(id));
    aedes.authorizePublish = (client, packet, done) => {
      if (packet.qos === 0) {
        this.told.push(packet);
        done(null);
      } else {
        void this.#commit(packet, client, done);
      }
    };
  }

  async #commit(packet: PublishPacket, client: Client | null, done: (error?: Error | null) => void): Promise<void> {
    let error: Error | null = null;
    try {
      await this.onPublish(packet, client);
    } catch (refusal) {
      error = refusal instanceof Error ? refusal : new Error(String(refusal));
    }
    done(error);
  }

  /** Listens, on the same port as before where it did. */
  async listen(): Promise<void> {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      this.aedes.handle(socket);
    });
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (typeof address === "object" && address !== null) this.port = address.port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Is gone, until it listens again. */
  async vanish(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    this.cut();
    await once(server, "close");
  }

  async stop(): Promise<void> {
    await this.vanish();
    await new Promise<void>((resolve) => this.aedes.close(resolve));
  }
}
