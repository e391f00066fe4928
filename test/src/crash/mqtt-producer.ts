import { connect, type MqttClient } from "mqtt";
import { payloadOf, type ProducerHistory, type RecordId } from "../programs/history.js";
import type { Scope } from "../harness/scope.js";

/** A plain MQTT client: QoS 1, one message in flight, and the library's own reconnecting and sending again. */
export class MqttProducer {
  readonly #attempted: RecordId[] = [];
  readonly #acknowledged: RecordId[] = [];
  readonly #running: Promise<void>;
  #isFinishing = false;

  constructor(
    scope: Scope,
    readonly name: string,
    gateway: string,
    stream: string,
    keys: readonly string[],
  ) {
    const client = connect(gateway, {
      protocolVersion: 4,
      clientId: name,
      reconnectPeriod: 200,
      connectTimeout: 2_000,
    });
    // A lost connection is what this test is about; the library goes on by itself.
    client.on("error", () => undefined);
    scope.defer(() => client.endAsync(true));
    this.#running = this.#run(client, stream, keys);
    this.#running.catch(() => undefined);
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  history(): ProducerHistory {
    return {
      producer: this.name,
      delivery: "at-least-once",
      attempted: this.#attempted,
      acknowledged: this.#acknowledged,
    };
  }

  /** Publishes no more and waits for the last acknowledgement; throws what went wrong. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#running;
  }

  async #run(client: MqttClient, stream: string, keys: readonly string[]): Promise<void> {
    for (let counter = 1; !this.#isFinishing; counter++) {
      for (const key of keys) {
        const id = { producer: this.name, key, counter };
        this.#attempted.push(id);
        await client.publishAsync(`streams/${stream}/${key}`, payloadOf(id), { qos: 1 });
        this.#acknowledged.push(id);
      }
      await nextTurn();
    }
  }
}

/** Keeps the load small: a real client measures something in between. */
async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
