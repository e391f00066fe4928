import type { Socket } from "node:net";
import { connectAsync } from "mqtt";
import { Scope } from "./scope.js";
import { within } from "./until.js";

export interface MqttConnection {
  /** Publishes at QoS 1; resolves with the PUBACK. Fails where the connection ends before. */
  publish(topic: string, payload: Buffer, deadlineMs?: number): Promise<{ localPort: number; messageId: number }>;
}

/** One MQTT 3.1.1 connection that does not come back by itself: for tests that look at the connection. */
export async function connectMqtt(scope: Scope, url: string, clientId: string): Promise<MqttConnection> {
  const client = await connectAsync(url, {
    protocolVersion: 4,
    clientId,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
  });
  scope.defer(() => client.endAsync(true));
  const closed = new Promise<never>((_, reject) => {
    client.once("close", () => reject(new Error(`the gateway closed ${clientId}'s connection`)));
  });
  // Only publishes care.
  closed.catch(() => undefined);
  const localPort = (client.stream as unknown as Socket).localPort ?? 0;
  return {
    async publish(topic, payload, deadlineMs = 15_000) {
      const acknowledged = client.publishAsync(topic, payload, { qos: 1 });
      const messageId = client.getLastMessageId();
      await within(`the PUBACK of ${topic}`, deadlineMs, Promise.race([acknowledged, closed]));
      return { localPort, messageId };
    },
  };
}

/**
 * One message on a connection of its own: whether its PUBACK came within `deadlineMs`.
 * @throws {Error} where it fails otherwise than by no PUBACK or a closed connection.
 */
export async function publishOnce(
  url: string,
  message: { readonly clientId: string; readonly topic: string; readonly payload: Buffer; readonly deadlineMs: number },
): Promise<"acknowledged" | "not acknowledged"> {
  const scope = new Scope();
  try {
    const client = await connectMqtt(scope, url, message.clientId);
    await client.publish(message.topic, message.payload, message.deadlineMs);
    return "acknowledged";
  } catch (error) {
    if (!/closed|in vain for the PUBACK/.test(String(error))) throw error;
    return "not acknowledged";
  } finally {
    await scope.close();
  }
}
