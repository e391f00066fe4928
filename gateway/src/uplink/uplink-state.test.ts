import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEvent, encodeEvent, type Intent, type Outcome } from "./uplink-event.js";
import { UplinkState } from "./uplink-state.js";

const identity = { spoolId: "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d", gatewayId: "gw" };

function intent(request: number, positions: number[], stream = "s", shardId = "shard-0"): Intent {
  return { type: "intent", request, producer: "gw", stream, shardId, positions };
}

function outcome(request: number, undelivered: number[], released: number): Outcome {
  return { type: "outcome", request, undelivered, released };
}

test("events survive their encoding", () => {
  const rising = fc.uniqueArray(fc.nat(2 ** 50)).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(fc.nat(), rising, rising, fc.nat(), (request, positions, undelivered, released) => {
      for (const event of [intent(request, positions), outcome(request, undelivered, released)]) {
        expect(decodeEvent(encodeEvent(event))).toEqual(event);
      }
    }),
  );
});

test("an intent is open until its outcome; what was delivered beyond the released position is known", () => {
  const state = new UplinkState(identity);
  state.apply(intent(0, [0, 2, 4]));
  state.apply(intent(1, [1, 3], "s", "shard-1"));
  expect(state.openIntents("s").map(({ request }) => request)).toEqual([0, 1]);
  expect(state.openIntents("other")).toEqual([]);
  state.apply(outcome(0, [1], 1));
  expect(state.openIntents("s").map(({ request }) => request)).toEqual([1]);
  expect(state.progress("s")).toEqual({ released: 1, done: new Set([4]) });
  expect(state.takeRequest()).toBe(2);
});

test("an outcome that was written twice counts once", () => {
  const state = new UplinkState(identity);
  state.apply(intent(0, [0, 1]));
  state.apply(outcome(0, [], 2));
  const before = state.encode();
  state.apply(outcome(0, [0], 0));
  expect(state.encode()).toEqual(before);
});

test("an intent whose write failed gives way to the later one that its records went into", () => {
  const state = new UplinkState(identity);
  state.replay(intent(0, [0, 1]));
  state.replay(intent(1, [0, 1, 2]));
  expect(state.openIntents("s").map(({ request }) => request)).toEqual([1]);
});

test("a snapshot is the state, wherever it is taken", () => {
  const event = fc.oneof(
    fc.record({ is: fc.constant("intent" as const), size: fc.integer({ min: 1, max: 5 }), stream: fc.nat(2) }),
    fc.record({ is: fc.constant("outcome" as const), which: fc.nat(5), undelivered: fc.array(fc.nat(4)) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), fc.nat(40), (events, cut) => {
      const state = new UplinkState(identity);
      let copy = new UplinkState(identity);
      let position = 0;
      for (const [i, event] of events.entries()) {
        if (i === cut) copy = UplinkState.decode(state.encode());
        const open = ["0", "1", "2"].flatMap((stream) => state.openIntents(stream));
        const answered = open[event.is === "outcome" ? event.which : -1];
        if (event.is === "intent") {
          const positions = Array.from({ length: event.size }, () => position++);
          const made = intent(state.takeRequest(), positions, String(event.stream));
          state.apply(made);
          copy.replay(made);
        } else if (answered !== undefined) {
          const heard = outcome(answered.request, event.undelivered, 0);
          state.apply(heard);
          copy.replay(heard);
        }
        if (i < cut) continue;
        expect(copy.encode()).toEqual(state.encode());
      }
    }),
  );
});
