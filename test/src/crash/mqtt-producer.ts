import { connect } from "mqtt";
import type { Scope } from "../harness/scope.js";
import { payloadOf } from "../programs/history.js";
import { RecordedProducer } from "./recorded-producer.js";

/** A plain MQTT client: QoS 1, one message in flight, and the library's own reconnecting and sending again. */
export class MqttProducer extends RecordedProducer {
  constructor(scope: Scope, name: string, gateway: string, stream: string, keys: readonly string[]) {
    super(name);
    const client = connect(gateway, {
      protocolVersion: 4,
      clientId: name,
      reconnectPeriod: 200,
      connectTimeout: 2_000,
    });
    // A lost connection is what this test is about; the library goes on by itself.
    client.on("error", () => undefined);
    scope.defer(() => client.endAsync(true));
    this.start(keys, async (round) => {
      for (const id of round) {
        this.attempting(id);
        await client.publishAsync(`streams/${stream}/${id.key}`, payloadOf(id), { qos: 1 });
        this.succeeded(id);
      }
      await this.pause();
    });
  }
}
