/**
 * The MQTT topics between a device and its gateway. `headwater/1/` carries the protocol's version, so a gateway can
 * serve two. See docs/reference/uplink.md.
 *
 *     headwater/1/<device>/records        up    QoS 1   record envelopes; PUBACK means committed to the gateway's disk
 *     headwater/1/<device>/video          up    QoS 1   video envelopes, one piece each; PUBACK as for records
 *     headwater/1/<device>/status         up    QoS 0   the agent's state as JSON
 *     headwater/1/<device>/down/ack       down  QoS 1   acknowledgements, where a foreign broker stands between
 *     headwater/1/<device>/down/commands  down  QoS 1   commands
 *     streams/<stream>/<partition key>    up    QoS 0/1 any MQTT client: the payload becomes one record
 */
export type UplinkTopic =
  | { readonly kind: "records"; readonly device: string }
  | { readonly kind: "video"; readonly device: string }
  | { readonly kind: "status"; readonly device: string }
  | { readonly kind: "stream"; readonly stream: string; readonly partitionKey: string };

export type TopicProblem = { readonly kind: "invalid"; readonly reason: string };

const ROOT = "headwater/1";
const DEVICE_ID = /^[A-Za-z0-9._-]{1,128}$/;
const STREAM_NAME = /^[a-zA-Z0-9_.-]{1,128}$/;
const VIDEO_STREAM_NAME = /^[a-zA-Z0-9_.-]{1,256}$/;
const DEVICE_TOPICS = ["records", "video", "status"] as const;

/** A device id is also its MQTT client id and user name: 1 to 128 of `A-Z a-z 0-9 . _ -`. */
export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(text);
}

/** A stream name as Kinesis takes it: 1 to 128 of `a-z A-Z 0-9 _ . -`. */
export function isStreamName(text: string): boolean {
  return STREAM_NAME.test(text);
}

/** 1 to 256 Unicode characters, as Kinesis counts them. */
export function isPartitionKey(text: string): boolean {
  // Only a key of more UTF-16 units than the limit needs its characters counted.
  return text.length > 0 && (text.length <= 256 || Array.from(text).length <= 256);
}

/** A stream name as Kinesis Video takes it: 1 to 256 of `a-z A-Z 0-9 _ . -`. */
export function isVideoStreamName(text: string): boolean {
  return VIDEO_STREAM_NAME.test(text);
}

export function recordsTopic(device: string): string {
  return `${ROOT}/${device}/records`;
}

export function videoTopic(device: string): string {
  return `${ROOT}/${device}/video`;
}

/** The MQTT client id of a device's second connection, so that records don't wait behind pictures. */
export function videoClientId(device: string): string {
  return `${device}/video`;
}

export function statusTopic(device: string): string {
  return `${ROOT}/${device}/status`;
}

/** The filter under which a device hears what is meant for it. */
export function downFilter(device: string): string {
  return `${ROOT}/${device}/down/#`;
}

/** Says what a published topic means; `undefined` where it belongs to no built-in rule. */
export function parseTopic(topic: string): UplinkTopic | TopicProblem | undefined {
  if (topic.startsWith("streams/")) return parseStreamTopic(topic);
  if (!topic.startsWith(ROOT + "/")) return undefined;
  const [device, name, ...rest] = topic.slice(ROOT.length + 1).split("/");
  if (device === undefined || !isDeviceId(device)) return { kind: "invalid", reason: "device id" };
  const kind = rest.length > 0 ? undefined : DEVICE_TOPICS.find((known) => known === name);
  return kind === undefined ? { kind: "invalid", reason: "unknown topic" } : { kind, device };
}

function parseStreamTopic(topic: string): UplinkTopic | TopicProblem {
  const afterRoot = topic.slice("streams/".length);
  const slash = afterRoot.indexOf("/");
  if (slash === -1) return { kind: "invalid", reason: "partition key missing" };
  const stream = afterRoot.slice(0, slash);
  if (!isStreamName(stream)) return { kind: "invalid", reason: "stream name" };
  let partitionKey: string;
  try {
    partitionKey = decodeURIComponent(afterRoot.slice(slash + 1));
  } catch {
    return { kind: "invalid", reason: "partition key is not percent-encoded UTF-8" };
  }
  if (!isPartitionKey(partitionKey)) return { kind: "invalid", reason: "partition key must have 1 to 256 characters" };
  return { kind: "stream", stream, partitionKey };
}
