import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceError } from "../sdk/device-error.js";
import { decodeSpoolState, encodeSpoolState, newSpoolState, type SpoolState } from "./spool-state.js";

const state: SpoolState = {
  version: 1,
  spoolId: "0f8fad5b-d9cb-469f-a165-70867728950e",
  sequencesReservedTo: 1_048_577,
  boot: { ordinal: 3, id: "e47399d4-0c9b-4ed8-957a-da7796223add" },
  eras: [
    { boot: 2, fromMonotonicMs: 0, offsetMs: 1.5, synchronised: false, frozenToMonotonicMs: 60_000.25 },
    { boot: 3, fromMonotonicMs: 12.5, offsetMs: 1795207096000.125, synchronised: true, frozenToMonotonicMs: 12.5 },
  ],
};
// Version 1 as it lies on devices in the field.
const stored =
  '{"version":1,"spoolId":"0f8fad5b-d9cb-469f-a165-70867728950e","sequencesReservedTo":1048577,' +
  '"boot":{"ordinal":3,"id":"e47399d4-0c9b-4ed8-957a-da7796223add"},"eras":[' +
  '{"boot":2,"fromMonotonicMs":0,"offsetMs":1.5,"synchronised":false,"frozenToMonotonicMs":60000.25},' +
  '{"boot":3,"fromMonotonicMs":12.5,"offsetMs":1795207096000.125,"synchronised":true,"frozenToMonotonicMs":12.5}]}';

test("the bytes of a state", () => {
  expect(encodeSpoolState(state).toString()).toBe(stored);
  expect(decodeSpoolState(Buffer.from(stored))).toEqual(state);
});

test("a spool begins with an id of its own", () => {
  const [one, other] = [newSpoolState(0), newSpoolState(7)];
  expect(one.spoolId).not.toBe(other.spoolId);
  expect(decodeSpoolState(encodeSpoolState(other))).toEqual(other);
});

test("a newer version is refused, not overwritten", () => {
  expect(() => decodeSpoolState(Buffer.from('{"version":2}'))).toThrow(
    expect.objectContaining({ name: "DeviceError", code: "unsupported-format" }),
  );
});

test.each([
  "",
  "null",
  "[]",
  "{}",
  '"text"',
  stored.slice(0, -1),
  stored.replace("0f8f", "0F8F"),
  stored.replace("12.5", "null"),
  stored.replace("1048577", "-1"),
  stored.replace('"ordinal":3', '"ordinal":"3"'),
])("%j makes no sense", (text) => {
  expect(decodeSpoolState(Buffer.from(text))).toBeUndefined();
});

test("any JSON is a state, nothing, or a newer version", () =>
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.json().map((value) => stored.replace("1.5", value)),
      ),
      (text) => {
        let outcome: unknown;
        try {
          outcome = decodeSpoolState(Buffer.from(text));
        } catch (error) {
          outcome = error;
        }
        const isState = typeof outcome === "object" && outcome !== null && "spoolId" in outcome;
        expect(outcome === undefined || outcome instanceof DeviceError || isState).toBe(true);
      },
    ),
    { numRuns: 500 },
  ));
