import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import type { Scope } from "./scope.js";

/** A link that a test can break: forwards TCP to `targetPort` until told otherwise. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: "open" | "cut" | "frozen" = "open";
  #accepted = 0;

  private constructor(readonly targetPort: number) {
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(scope: Scope, targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    scope.defer(() => {
      proxy.#server.close();
      proxy.cut();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections so far, those that are closed again among them. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Resets every connection, and every new one at once. */
  cut(): void {
    this.#state = "cut";
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  /** Keeps connections but carries nothing, as a dead radio link does. */
  freeze(): void {
    this.#state = "frozen";
    for (const [client, target] of this.#pairs) {
      client.unpipe(target);
      target.unpipe(client);
    }
  }

  restore(): void {
    this.#state = "open";
    for (const pair of this.#pairs) join(pair);
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    client.on("error", ignoreReset);
    if (this.#state === "cut") {
      client.resetAndDestroy();
      return;
    }
    const target = connect(this.targetPort, "127.0.0.1");
    const pair = [client, target] as const;
    this.#pairs.add(pair);
    target.on("error", ignoreReset);
    client.on("close", () => target.destroy());
    target.on("close", () => {
      this.#pairs.delete(pair);
      client.destroy();
    });
    if (this.#state === "open") join(pair);
  }
}

function join([client, target]: readonly [Socket, Socket]): void {
  client.pipe(target);
  target.pipe(client);
}

/** A reset is what this link is for; the close that follows ends the pair. */
function ignoreReset(): void {}
