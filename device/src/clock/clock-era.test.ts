import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ClockEra,
  captureTime,
  ERAS_MAX,
  forgetBefore,
  freeze,
  isUnfrozen,
  observe,
  STEP_MS,
} from "./clock-era.js";

/** What happens to the clock of boot 1, and then: the wall time of captures at these monotonic times. */
type Step =
  | readonly ["clock", at: number, offset: number, "synchronised" | "unsynchronised"]
  | readonly ["freeze", to: number]
  | readonly ["boot", boot: number];

const WALL = 1_800_000_000_000;

test.each<[string, readonly Step[], readonly (readonly [boot: number, at: number, expected: string])[]]>([
  [
    "a synchronised clock",
    [["clock", 10, WALL, "synchronised"]],
    [
      [1, 5, "+5"],
      [1, 900, "+900"],
    ],
  ],
  [
    "slewing is no step",
    [
      ["clock", 10, WALL, "synchronised"],
      ["clock", 500, WALL + STEP_MS, "synchronised"],
    ],
    [[1, 900, "+900"]],
  ],
  [
    "a step moves only what comes after it",
    [
      ["clock", 10, WALL, "synchronised"],
      ["clock", 500, WALL + 7000, "synchronised"],
    ],
    [
      [1, 499, "+499"],
      [1, 500, "+7500"],
    ],
  ],
  [
    "synchronisation corrects what was captured before it",
    [
      ["clock", 10, 0, "unsynchronised"],
      ["clock", 500, WALL, "synchronised"],
    ],
    [
      [1, 5, "+5"],
      [1, 600, "+600"],
    ],
  ],
  [
    "but not what was sent before it",
    [
      ["clock", 10, WALL - 9000, "unsynchronised"],
      ["freeze", 300],
      ["clock", 500, WALL, "synchronised"],
    ],
    [
      [1, 299, "-8701?"],
      [1, 300, "+300"],
      [1, 600, "+600"],
    ],
  ],
  [
    "nor does a freeze reach past synchronisation",
    [
      ["clock", 10, WALL - 9000, "unsynchronised"],
      ["freeze", 60_000],
      ["clock", 500, WALL, "synchronised"],
    ],
    [
      [1, 499, "-8501?"],
      [1, 500, "+500"],
    ],
  ],
  [
    "synchronised without a step",
    [
      ["clock", 10, WALL, "unsynchronised"],
      ["freeze", 300],
      ["clock", 500, WALL + 20, "synchronised"],
    ],
    [
      [1, 299, "+299?"],
      [1, 300, "+320"],
    ],
  ],
  [
    "set by hand while unsynchronised",
    [
      ["clock", 10, WALL - 9000, "unsynchronised"],
      ["clock", 500, WALL, "unsynchronised"],
    ],
    [
      [1, 5, "+5?"],
      [1, 600, "+600?"],
    ],
  ],
  [
    "a synchronised clock is stepped by something that is not",
    [
      ["clock", 10, WALL, "synchronised"],
      ["clock", 500, WALL + 5000, "unsynchronised"],
    ],
    [
      [1, 499, "+499"],
      [1, 500, "+5500?"],
    ],
  ],
  [
    "synchronisation lost without a step",
    [
      ["clock", 10, WALL, "synchronised"],
      ["clock", 500, WALL, "unsynchronised"],
    ],
    [[1, 600, "+600"]],
  ],
  [
    "boots have each their own offset",
    [
      ["clock", 10, WALL - 9000, "unsynchronised"],
      ["boot", 2],
      ["clock", 3, WALL, "synchronised"],
    ],
    [
      [1, 700, "-8300?"],
      [2, 700, "+700"],
      [3, 1, "unknown"],
    ],
  ],
])("%s", (_name, steps, captures) => {
  let eras: readonly ClockEra[] = [];
  let boot = 1;
  for (const step of steps) {
    if (step[0] === "boot") boot = step[1];
    else if (step[0] === "freeze") eras = freeze(eras, boot, step[1]);
    else eras = observe(eras, boot, { monotonicMs: step[1], offsetMs: step[2] }, step[3] === "synchronised");
  }
  const spelled = captures.map(([boot, monotonicMs]) => {
    const time = captureTime(eras, { boot, monotonicMs });
    if (time === undefined) return "unknown";
    const relative = time.captureMs - WALL;
    return `${relative < 0 ? "" : "+"}${relative}${time.clockUnsynchronised ? "?" : ""}`;
  });
  expect(spelled).toEqual(captures.map(([, , expected]) => expected));
});

test("a time before 1970 is held at 1970", () => {
  const eras = observe([], 1, { monotonicMs: 0, offsetMs: -50 }, false);
  expect(captureTime(eras, { boot: 1, monotonicMs: 10 })?.captureMs).toBe(0);
});

test("only a present, unsynchronised boot needs freezing", () => {
  const old = observe([], 1, { monotonicMs: 0, offsetMs: WALL }, false);
  const eras = observe(old, 2, { monotonicMs: 0, offsetMs: WALL }, false);
  expect(isUnfrozen(eras, 2, { boot: 1, monotonicMs: 9 })).toBe(false);
  expect(isUnfrozen(eras, 2, { boot: 2, monotonicMs: 9 })).toBe(true);
  expect(isUnfrozen(freeze(eras, 2, 9), 2, { boot: 2, monotonicMs: 9 })).toBe(true);
  expect(isUnfrozen(freeze(eras, 2, 10), 2, { boot: 2, monotonicMs: 9 })).toBe(false);
  expect(isUnfrozen(observe(eras, 2, { monotonicMs: 1, offsetMs: WALL }, true), 2, { boot: 2, monotonicMs: 9 })).toBe(
    false,
  );
});

test("eras are bounded, and those before the oldest record are forgotten", () => {
  let eras: readonly ClockEra[] = [];
  for (let i = 0; i < ERAS_MAX + 10; i++) {
    eras = observe(eras, 1, { monotonicMs: i, offsetMs: WALL + i * 1000 }, true);
  }
  expect(eras).toHaveLength(ERAS_MAX);
  expect(captureTime(eras, { boot: 1, monotonicMs: 5 })).toBeUndefined();
  const kept = forgetBefore(eras, { boot: 1, monotonicMs: 1000 });
  expect(kept[0]?.fromMonotonicMs).toBe(1000);
  expect(forgetBefore(kept, { boot: 0, monotonicMs: 0 })).toBe(kept);
  expect(forgetBefore(kept, { boot: 2, monotonicMs: 0 })).toHaveLength(1);
});

test("whatever the clock does, a time that may have been sent never changes, and time within an era never falls", () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant("clock" as const), offset: fc.integer({ min: 0, max: 10 }), sync: fc.boolean() }),
    fc.record({ kind: fc.constant("send" as const), ahead: fc.nat(50) }),
    fc.record({ kind: fc.constant("boot" as const) }),
  );
  return fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let [boot, monotonicMs] = [1, 0];
      let eras = observe([], boot, { monotonicMs, offsetMs: WALL }, false);
      const sent: { boot: number; monotonicMs: number; time: unknown }[] = [];
      for (const event of events) {
        monotonicMs += 10;
        if (event.kind === "boot") {
          [boot, monotonicMs] = [boot + 1, 0];
          eras = observe(eras, boot, { monotonicMs, offsetMs: WALL }, false);
        } else if (event.kind === "clock") {
          eras = observe(eras, boot, { monotonicMs, offsetMs: WALL + event.offset * 1000 }, event.sync);
        } else {
          const capture = { boot, monotonicMs: monotonicMs - 1 };
          if (isUnfrozen(eras, boot, capture)) eras = freeze(eras, boot, monotonicMs + event.ahead);
          sent.push({ ...capture, time: captureTime(eras, capture) });
        }
        for (const { boot, monotonicMs, time } of sent) {
          expect(captureTime(eras, { boot, monotonicMs })).toEqual(time);
        }
      }
    }),
    { numRuns: 300 },
  );
});
