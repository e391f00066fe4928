import { expect, test } from "vitest";
import { checkOptions, type DeviceOptions, parseGateway, SPOOL_BYTES_MIN } from "./options.js";

const good: DeviceOptions = { id: "pi-1", data: "/var/lib/headwater", gateway: "mqtt://gateway.local" };

test("what is left out has its default", () => {
  const { report, ...checked } = checkOptions(good);
  expect(report).toBeTypeOf("function");
  expect(checked).toEqual({
    id: "pi-1",
    data: "/var/lib/headwater",
    host: "gateway.local",
    port: 1883,
    username: "pi-1",
    password: undefined,
    spoolBytesMax: 256 * 1024 * 1024,
    onFull: "reject",
    clockTrusted: false,
  });
});

test("every mistake is named at once", () => {
  const bad = { id: "a/b", data: "", gateway: "http://x", spoolBytesMax: SPOOL_BYTES_MIN - 1, onFull: "wait" };
  const message = /^id: .*; data: .*; gateway: .*; spoolBytesMax: .*; onFull: /;
  expect(() => checkOptions(bad as unknown as DeviceOptions)).toThrow(
    expect.objectContaining({ code: "invalid-options", message: expect.stringMatching(message) }),
  );
});

test.each([
  ["mqtt://127.0.0.1:1884", { host: "127.0.0.1", port: 1884 }],
  ["mqtt://gateway", { host: "gateway", port: 1883 }],
  ["mqtt://gateway/", { host: "gateway", port: 1883 }],
  ["mqtt://[::1]:1883", { host: "::1", port: 1883 }],
  ["gateway:1883", "the protocol is mqtt://"],
  ["mqtts://gateway", "the protocol is mqtt://"],
  ["mqtt://user:secret@gateway", "give credentials as username and password, not in the URL"],
  ["mqtt://", "no host; write mqtt://host:1883"],
  ["mqtt://gateway/topic", "nothing follows the port"],
  ["mqtt://gateway:99999", "not a URL; write mqtt://host:1883"],
  ["", "not a URL; write mqtt://host:1883"],
])("%s", (text, expected) => {
  expect(parseGateway(text)).toEqual(expected);
});
