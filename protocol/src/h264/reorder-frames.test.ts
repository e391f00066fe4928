import { expect, test } from "vitest";
import { reorderFramesOf } from "./reorder-frames.js";

const camera = {
  profile: 100,
  constraints: 0,
  level: 40,
  pocType: 0,
  referenceFrames: 16,
  frameInMbs: 8160, // 1080p
  stated: undefined,
};

test.each([
  ["what is stated", { stated: 3 }, 3],
  ["0 where 0 is stated", { stated: 0 }, 0],
  ["0 of picture order count type 2, whatever is stated", { pocType: 2, stated: 4 }, 0],
  ["0 of Baseline", { profile: 66 }, 0],
  ["0 of High 10 Intra", { profile: 110, constraints: 0x10 }, 0],
  ["the level's buffer", {}, 4],
  ["one less than the frames to refer to", { referenceFrames: 3 }, 2],
  ["0 of a camera whose frames refer to one frame only", { referenceFrames: 1 }, 0],
  ["0 of a camera whose frames refer to none", { referenceFrames: 0 }, 0],
  ["16 at most, of small pictures", { level: 62, frameInMbs: 300, referenceFrames: 40 }, 16],
  ["level 1b's buffer", { profile: 77, constraints: 0x10, level: 11, frameInMbs: 99 }, 4],
  ["level 1.1's buffer", { profile: 77, level: 11, frameInMbs: 99 }, 9],
])("%s", (_name, given, frames) => {
  expect(reorderFramesOf({ ...camera, ...given })).toBe(frames);
});
