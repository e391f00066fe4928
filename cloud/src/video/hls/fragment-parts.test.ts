import { mp4Track, type Mp4Track } from "@headwater/protocol/mp4";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PICTURE } from "../testing/playable-document.js";
import { PART_MS, partsOf, type TimedFrame } from "./fragment-parts.js";

const picture = mp4Track({ ...PICTURE, defaultDurationNs: 40_000_000 });
const sound = mp4Track({ codecId: "A_AAC", codecPrivate: Buffer.from("1190", "hex") });
const START = 1_700_000_000_000;

/** Frames with the given gaps between them. */
function frames(gapsMs: readonly number[]): TimedFrame[] {
  let timecodeMs = START;
  return [0, ...gapsMs].map((gap, i) => ({ timecodeMs: (timecodeMs += gap), isKey: i === 0 }));
}

const evenly = (gapMs: number, count: number): TimedFrame[] => frames(Array.from({ length: count - 1 }, () => gapMs));

test.each<[string, Mp4Track, TimedFrame[], number[]]>([
  ["25 pictures a second", picture, evenly(40, 25), [240, 240, 240, 240, 40]],
  ["5 pictures a second", picture, evenly(200, 5), [200, 200, 200, 200, 200]],
  ["a picture each second", picture, evenly(1000, 3), [1000, 1000, 1000]],
  ["sound", sound, evenly(64 / 3, 24), [234.667, 234.667, 42.667]],
])("%s", (_, track, of, durations) => {
  const parts = partsOf(track, of, true);
  expect(parts.map(({ durationMs }) => Math.round(durationMs * 1000) / 1000)).toEqual(durations);
  expect(parts.map(({ isIndependent }) => isIndependent)).toEqual(
    parts.map((_part, i) => track.kind === "audio" || i === 0),
  );
});

test("parts follow each other, are as long as they may be, and stay as they are while frames come", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 60 }), (gaps) => {
      const all = frames(gaps);
      const whole = partsOf(picture, all, true);
      expect(whole.map(({ from }) => from)).toEqual([0, ...whole.map(({ to }) => to).slice(0, -1)]);
      expect(whole.at(-1)?.to).toBe(all.length);
      // Of more than one frame, only the last frame may be longer than it was foreseen.
      for (const { from, to } of whole.filter((part) => part.to - part.from > 1)) {
        expect((all[to - 1]?.timecodeMs ?? 0) - (all[from]?.timecodeMs ?? 0)).toBeLessThan(PART_MS);
      }
      for (let count = 1; count <= all.length; count++) {
        const some = partsOf(picture, all.slice(0, count), false);
        expect(some).toEqual(whole.slice(0, some.length));
      }
    }),
  );
});
