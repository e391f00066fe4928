import { type Connect, type ConnectionEnd, ConnectionError, type GatewayConnection } from "./gateway-connection.js";

export interface MqttOptions {
  readonly host: string;
  readonly port: number;
  /** The device's id is its MQTT client id. */
  readonly device: string;
  readonly username?: string;
  readonly password?: string;
}

const CONNECT_TIMEOUT_MS = 15_000;
/** A broker cuts a client off that finishes no message for 1.5 times this long: 1 MiB takes that at 6 KB/s. */
const KEEPALIVE_SECONDS = 120;

/**
 * Connects by MQTT 3.1.1 with a clean session. What has not been acknowledged lies in the spool, so nothing of mqtt.js
 * outlives its connection: it neither reconnects nor queues. It is loaded with the first connection.
 */
export function mqttConnect({ host, port, device, username, password }: MqttOptions): Connect {
  return async (signal) => {
    const { connect } = await import("mqtt");
    return new Promise<GatewayConnection>((resolve, reject) => {
      if (signal.aborted) {
        reject(new ConnectionError("closed", "the device stops"));
        return;
      }
      const client = connect({
        protocol: "mqtt",
        host,
        port,
        clientId: device,
        protocolVersion: 4,
        clean: true,
        keepalive: KEEPALIVE_SECONDS,
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectPeriod: 0,
        resubscribe: false,
        queueQoSZero: false,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
      });
      let isConnected = false;
      let isOver = false;
      let settleOver!: (end: ConnectionEnd) => void;
      const over = new Promise<ConnectionEnd>((settle) => (settleOver = settle));

      const end = (fault: ConnectionEnd["fault"], message: string, cause?: Error): void => {
        if (isOver) return;
        isOver = true;
        signal.removeEventListener("abort", abort);
        client.end(true);
        if (isConnected) settleOver({ fault, message });
        else reject(new ConnectionError(fault, message, { cause }));
      };
      const abort = (): void => end("closed", "the device stops");
      signal.addEventListener("abort", abort, { once: true });
      client.on("error", (error) => {
        const isRefusal = "code" in error && typeof error.code === "number";
        end(isConnected ? "closed" : isRefusal ? "refused" : "unreachable", messageOf(error), error);
      });
      client.on("close", () => end("closed", "the gateway closed the connection"));
      client.on("connect", () => {
        isConnected = true;
        resolve({
          over,
          close: abort,
          publish(topic, payload, acknowledged) {
            client.publish(topic, payload, { qos: 1 }, (error) => {
              if (!isOver && !error) acknowledged();
            });
          },
          tell: teller((topic, payload, written) => client.publish(topic, payload, { qos: 0 }, written)),
        });
      });
    });
  };
}

/** Sends nothing while the message before has not left. */
function teller(
  send: (topic: string, payload: string, written: () => void) => void,
): (topic: string, payload: string) => void {
  let isWriting = false;
  return (topic, payload) => {
    if (isWriting) return;
    isWriting = true;
    send(topic, payload, () => (isWriting = false));
  };
}

/** A host with several addresses fails with one error for each, and no message of its own. */
function messageOf(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(String).join("; ") : error.message;
}
