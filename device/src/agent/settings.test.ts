import { expect, test } from "vitest";
import { deviceIdOf, settings } from "./settings.js";

const least = { data: "/var/lib/headwater", gateway: "mqtt://gateway:1883" };

test("data and gateway suffice", () => {
  expect(settings.parse(least)).toMatchObject({
    httpPort: 0,
    onFull: "reject",
    clockTrusted: false,
    hostSensor: { enabled: true, stream: "sensors", intervalMs: 1000 },
  });
});

test.each([
  ["no gateway", { data: "d" }, ["gateway"]],
  ["no data", { gateway: "mqtt://g" }, ["data"]],
  [
    "several at once",
    { data: "", gateway: "tcp://g", id: "a b", spoolBytesMax: 1 },
    ["data", "gateway", "id", "spoolBytesMax"],
  ],
  ["two passwords", { ...least, password: "a", passwordFile: "b" }, ["passwordFile"]],
  ["a sensor too fast", { ...least, hostSensor: { intervalMs: 10 } }, ["hostSensor.intervalMs"]],
  ["a sensor's stream", { ...least, hostSensor: { stream: "a/b" } }, ["hostSensor.stream"]],
])("refuses %s", (_name, given, keys) => {
  const { error } = settings.safeParse(given);
  expect(error?.issues.map(({ path }) => path.join(".")).sort()).toEqual(keys.toSorted());
});

test("refuses what it does not know", () => {
  expect(settings.safeParse({ ...least, gatway: "x" }).success).toBe(false);
  expect(settings.safeParse({ ...least, hostSensor: { interval: 5 } }).success).toBe(false);
});

test.each([
  ["pi-1.local", "pi-1.local"],
  ["Büro PC", "B-ro-PC"],
  ["", "device"],
  ["x".repeat(300), "x".repeat(128)],
])("the host %j is device %j", (hostname, id) => {
  expect(deviceIdOf(hostname)).toBe(id);
});
