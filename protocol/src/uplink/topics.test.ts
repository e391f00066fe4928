import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  isDeviceId,
  isPartitionKey,
  isStreamName,
  isVideoStreamName,
  parseTopic,
  recordsTopic,
  statusTopic,
  videoTopic,
} from "./topics.js";

test.each([
  ["headwater/1/pi-1/records", { kind: "records", device: "pi-1" }],
  ["headwater/1/pi-1/video", { kind: "video", device: "pi-1" }],
  ["headwater/1/pi-1/status", { kind: "status", device: "pi-1" }],
  ["streams/s/k", { kind: "stream", stream: "s", partitionKey: "k" }],
  ["streams/s/a/b//c", { kind: "stream", stream: "s", partitionKey: "a/b//c" }],
  ["streams/s/%C3%A9%2F", { kind: "stream", stream: "s", partitionKey: "é/" }],
  ["streams/s/" + "😀".repeat(256), { kind: "stream", stream: "s", partitionKey: "😀".repeat(256) }],
  ["streams/s/" + "k".repeat(257), { kind: "invalid", reason: "partition key must have 1 to 256 characters" }],
  ["streams/s/", { kind: "invalid", reason: "partition key must have 1 to 256 characters" }],
  ["streams/s", { kind: "invalid", reason: "partition key missing" }],
  ["streams/s p/k", { kind: "invalid", reason: "stream name" }],
  ["streams//k", { kind: "invalid", reason: "stream name" }],
  ["streams/s/%ff", { kind: "invalid", reason: "partition key is not percent-encoded UTF-8" }],
  ["streams/s/100%", { kind: "invalid", reason: "partition key is not percent-encoded UTF-8" }],
  ["headwater/1/pi-1/records/x", { kind: "invalid", reason: "unknown topic" }],
  ["headwater/1/pi-1/down/ack", { kind: "invalid", reason: "unknown topic" }],
  ["headwater/1/pi-1", { kind: "invalid", reason: "unknown topic" }],
  ["headwater/1//records", { kind: "invalid", reason: "device id" }],
  ["headwater/2/pi-1/records", undefined],
  ["$SYS/broker", undefined],
  ["", undefined],
])("topic %s", (topic, expected) => {
  expect(parseTopic(topic)).toEqual(expected);
});

test("a device's own topics parse to that device", () =>
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/), (device) => {
      expect(isDeviceId(device)).toBe(true);
      expect(parseTopic(recordsTopic(device))).toEqual({ kind: "records", device });
      expect(parseTopic(videoTopic(device))).toEqual({ kind: "video", device });
      expect(parseTopic(statusTopic(device))).toEqual({ kind: "status", device });
    }),
  ));

test("any partition key survives percent-encoding", () =>
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter(isPartitionKey), (partitionKey) => {
      const topic = `streams/s/${encodeURIComponent(partitionKey)}`;
      expect(parseTopic(topic)).toEqual({ kind: "stream", stream: "s", partitionKey });
    }),
  ));

test("no topic throws, and what parses as a stream's is valid", () =>
  fc.assert(
    fc.property(
      fc.constantFrom("", "streams/", "streams/s/", "headwater/1/"),
      fc.string({ unit: "binary", maxLength: 40 }),
      (root, rest) => {
        const parsed = parseTopic(root + rest);
        if (parsed?.kind !== "stream") return;
        expect(isStreamName(parsed.stream) && isPartitionKey(parsed.partitionKey)).toBe(true);
      },
    ),
    { numRuns: 1000 },
  ));

test.each([
  ["front-door_2.main", true],
  ["v".repeat(256), true],
  ["v".repeat(257), false],
  ["", false],
  ["a/b", false],
])("whether %s names a video stream", (name, isOne) => {
  expect(isVideoStreamName(name)).toBe(isOne);
});
