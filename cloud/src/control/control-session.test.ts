import type { CloudMessage, GatewayStatus } from "@headwater/protocol";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ControlSession, type Effect } from "./control-session.js";
import { KnownGateways } from "./known-gateways.js";

const limits = { devicesMax: 3, helloTimeoutMs: 1000, idleTimeoutMs: 5000 };
const spoolId = "0f8fad5b-d9cb-469f-a165-70867728950e";
const otherSpoolId = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const status: GatewayStatus = {
  spoolRecords: 1,
  spoolBytes: 100,
  spoolBytesMax: 1000,
  upstream: "connected",
  forwardedRecords: 7,
  deadLetters: 0,
};

const hello = (id = 1, resume = 0, spool = spoolId): string =>
  JSON.stringify({ v: 1, id, type: "hello", gateway: "site-1", spoolId: spool, resume });
const state = (id: number, devices: unknown[] = []): string =>
  JSON.stringify({ v: 1, id, type: "state", gateway: status, devices });
const device = (name: string): object => ({ device: name, connected: true, lastSeenMs: 1, records: 1, bytes: 1 });
const sent = (effects: readonly Effect[]): CloudMessage[] =>
  effects.flatMap((effect) => (effect.do === "send" ? [effect.message] : []));
const closed = (effects: readonly Effect[]): string | undefined =>
  effects.flatMap((effect) => (effect.do === "close" ? [effect.cause] : []))[0];

test("hello is answered by welcome, and state is kept", () => {
  const known = new KnownGateways(10);
  const session = new ControlSession(known, limits, 0);
  const effects = session.received(hello(), 10);
  expect(effects[0]).toEqual({ do: "arrived", gateway: "site-1" });
  expect(sent(effects)).toEqual([{ v: 1, id: 1, type: "welcome", resume: 0 }]);
  expect(session.received(state(2, [device("cam-1")]), 20)).toEqual([]);
  expect(known.get("site-1")).toEqual({
    gateway: "site-1",
    spoolId,
    connectedSinceMs: 10,
    lastSeenMs: 20,
    lastMessageId: 2,
    lastCloudId: 1,
    state: { gateway: status, devices: [device("cam-1")], devicesOmitted: 0 },
  });
});

test("a gateway that comes back resumes where each side was, unless its spool is another", () => {
  const known = new KnownGateways(10);
  const first = new ControlSession(known, limits, 0);
  first.received(hello(1), 0);
  first.received(state(5), 1);
  first.ended();
  expect(known.get("site-1")).not.toHaveProperty("connectedSinceMs");

  // It has seen an id that this cloud does not remember sending: the cloud goes on after it.
  const second = new ControlSession(known, limits, 100);
  expect(sent(second.received(hello(6, 41), 100))).toEqual([{ v: 1, id: 42, type: "welcome", resume: 5 }]);
  const third = new ControlSession(known, limits, 200);
  expect(sent(third.received(hello(1, 0, otherSpoolId), 200))).toEqual([{ v: 1, id: 43, type: "welcome", resume: 0 }]);
});

test("devices beyond the bound are counted, not kept", () => {
  const known = new KnownGateways(10);
  const session = new ControlSession(known, limits, 0);
  session.received(hello(), 0);
  session.received(state(2, ["a", "b", "c", "d", "e"].map(device)), 0);
  expect(known.get("site-1")?.state?.devices).toHaveLength(3);
  expect(known.get("site-1")?.state?.devicesOmitted).toBe(2);
});

test.each([
  ["", "malformed"],
  ["[]", "malformed"],
  ["null", "malformed"],
  ['{"v":"1"}', "malformed"],
  ['{"v":2,"id":1,"type":"hello"}', "unsupported-version"],
  [hello().replace("site-1", "../etc"), "malformed"],
  [hello().replace(spoolId, "no-uuid"), "malformed"],
  [hello().replace('"id":1', '"id":-1'), "malformed"],
  [hello().replace('"id":1', '"id":1e999'), "malformed"],
  [state(1), "malformed"], // before hello
])("%s is refused as %s", (text, code) => {
  const session = new ControlSession(new KnownGateways(10), limits, 0);
  const effects = session.received(text, 0);
  expect(sent(effects)).toMatchObject([{ v: 1, id: 1, type: "error", code }]);
  expect(closed(effects)).toBe(code);
});

test("no text makes a session throw or forget another gateway", () =>
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.json(), mutated(hello()), mutated(state(2, [device("a")]))), { maxLength: 8 }),
      (texts) => {
        const known = new KnownGateways(2);
        const other = new ControlSession(known, limits, 0);
        other.received(hello().replace("site-1", "other"), 0);
        other.received(state(2, [device("cam")]), 0);
        const before = known.get("other");
        const session = new ControlSession(known, limits, 0);
        for (const text of texts) if (closed(session.received(text, 1)) !== undefined) break;
        session.ended();
        // A mutation may happen to name the other gateway; then what it says counts.
        expect(session.gateway === "other" ? before : known.get("other")).toEqual(before);
      },
    ),
    { numRuns: 500 },
  ));

test("a connection must say hello in time, and be heard of from then on", () => {
  const known = new KnownGateways(10);
  const silent = new ControlSession(known, limits, 0);
  expect(silent.tick(999)).toEqual([]);
  expect(closed(silent.tick(1000))).toBe("hello-timeout");

  const session = new ControlSession(known, limits, 0);
  session.received(hello(), 100);
  session.alive(4000);
  expect(session.tick(8999)).toEqual([]);
  expect(closed(session.tick(9000))).toBe("idle-timeout");
  session.ended();
  expect(known.get("site-1")?.lastSeenMs).toBe(4000);
});

test("a new gateway takes the place of the one away longest, never of a connected one", () => {
  const known = new KnownGateways(2);
  const call = (gateway: string, nowMs: number): [ControlSession, string | undefined] => {
    const session = new ControlSession(known, limits, nowMs);
    return [session, closed(session.received(hello().replace("site-1", gateway), nowMs))];
  };
  const [a] = call("a", 1);
  const [b] = call("b", 2);
  expect(call("c", 3)[1]).toBe("no-room");
  a.ended();
  b.ended();
  expect(call("c", 4)[1]).toBeUndefined();
  expect(known.list().map(({ gateway }) => gateway)).toEqual(["b", "c"]);
  expect(known.takeChanges()).toMatchObject({ saved: [{ gateway: "b" }, { gateway: "c" }], forgotten: ["a"] });
});

/** The text with one character replaced, cut or doubled. */
function mutated(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(text.length), fc.constantFrom("", '"', "{", "}", "9", "-", "\\", "null"), fc.boolean())
    .map(([at, insert, cut]) => text.slice(0, at) + insert + (cut ? "" : text.slice(at + 1)));
}
