import { expect, test } from "vitest";
import { type ClockEvidence, isSynchronised } from "./synchronisation.js";

const wallMs = Date.UTC(2027, 0, 1);
const nothing: ClockEvidence = {
  wallMs,
  trusted: false,
  timesyncd: undefined,
  hardwareClockMs: undefined,
  deviceTree: false,
};

test.each<[string, Partial<ClockEvidence>, boolean]>([
  ["timesyncd has reached a server", { timesyncd: true }, true],
  ["timesyncd has not reached a server", { timesyncd: false }, false],
  ["timesyncd has not, though the hardware clock agrees", { timesyncd: false, hardwareClockMs: wallMs }, false],
  ["the hardware clock agrees", { hardwareClockMs: wallMs - 3_000 }, true],
  ["the hardware clock says something else", { hardwareClockMs: wallMs - 6_000 }, false],
  ["the hardware clock agrees on 1970", { wallMs: 4_000, hardwareClockMs: 4_000 }, false],
  ["a container or virtual machine", {}, true],
  ["a board without a hardware clock", { deviceTree: true }, false],
  ["a board without one, vouched for", { deviceTree: true, trusted: true }, true],
  ["a clock from before this software", { wallMs: Date.UTC(2026, 9, 31), timesyncd: true }, false],
])("%s", (_name, evidence, expected) => {
  expect(isSynchronised({ ...nothing, ...evidence })).toBe(expected);
});
