import {
  type Connect,
  type ConnectionEnd,
  ConnectionError,
  type GatewayConnection,
} from "../uplink/gateway-connection.js";
import { deferred } from "./deferred.js";

/** What becomes of one published message. */
export type Fate =
  /** Taken and acknowledged at the next {@link ScriptedGateway.turn}, or so many turns later. */
  | { readonly kind: "acknowledged"; readonly afterTurns: number }
  /** Taken, but never acknowledged. */
  | { readonly kind: "silent" }
  /** Taken, and the connection dies before the acknowledgement; the device learns it so many turns later. */
  | { readonly kind: "taken-then-dies"; readonly afterTurns: number }
  /** Lost, since the connection has died; the device learns it so many turns later. */
  | { readonly kind: "lost"; readonly afterTurns: number };

export interface Taken {
  readonly connection: number;
  readonly topic: string;
  readonly payload: Buffer;
  isAcknowledged: boolean;
}

/** A gateway that lives in memory and does to each message what its script says. */
export class ScriptedGateway {
  /** Every message that arrived, in order of arrival. */
  readonly taken: Taken[] = [];
  readonly told: string[] = [];
  /** Most bytes, and most messages, that were published and not acknowledged on one connection. */
  mostBytes = 0;
  mostMessages = 0;
  isReachable = true;
  connections = 0;
  #cut: () => void = () => undefined;
  readonly #fate: () => Fate;
  #turn = 0;
  readonly #later: { readonly atTurn: number; readonly happen: () => void }[] = [];

  constructor(fate: () => Fate) {
    this.#fate = fate;
  }

  readonly connect: Connect = () => {
    if (!this.isReachable) return Promise.reject(new ConnectionError("unreachable", "nobody there"));
    return Promise.resolve(this.#accept());
  };

  /** Ends the connection that stands. */
  cut(): void {
    this.#cut();
  }

  /** Lets what is due happen. */
  turn(): void {
    this.#turn++;
    for (const { happen } of this.#later.splice(0).filter((event) => this.#isDue(event))) happen();
  }

  #isDue(event: { readonly atTurn: number; readonly happen: () => void }): boolean {
    if (event.atTurn <= this.#turn) return true;
    this.#later.push(event);
    return false;
  }

  #after(turns: number, happen: () => void): void {
    this.#later.push({ atTurn: this.#turn + 1 + turns, happen });
  }

  #accept(): GatewayConnection {
    const connection = ++this.connections;
    const over = deferred<ConnectionEnd>();
    let [isDead, isOver, bytes, messages] = [false, false, 0, 0];
    const end = (message: string): void => {
      [isDead, isOver] = [true, true];
      over.resolve({ fault: "closed", message });
    };
    this.#cut = () => end("cut");
    const die = (afterTurns: number): void => {
      isDead = true;
      this.#after(afterTurns, () => end("died"));
    };
    return {
      over: over.promise,
      close: () => end("closed by the device"),
      tell: (_topic, payload) => void this.told.push(payload),
      publish: (topic, payload, acknowledged) => {
        bytes += payload.length;
        messages++;
        if (messages > 1) this.mostBytes = Math.max(this.mostBytes, bytes);
        this.mostMessages = Math.max(this.mostMessages, messages);
        if (isDead) return;
        const fate = this.#fate();
        if (fate.kind === "lost") return die(fate.afterTurns);
        const message = { connection, topic, payload, isAcknowledged: false };
        this.taken.push(message);
        if (fate.kind === "taken-then-dies") return die(fate.afterTurns);
        if (fate.kind === "silent") return;
        this.#after(fate.afterTurns, () => {
          if (isOver) return;
          bytes -= payload.length;
          messages--;
          message.isAcknowledged = true;
          acknowledged();
        });
      },
    };
  }
}
