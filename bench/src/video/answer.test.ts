import { expect, test } from "vitest";
import { answerText, missesOf } from "./answer.js";

const machine = { commit: "abc", node: "v20", cpu: "a processor", cores: 2, disk: "/dev/x ext4", loadBefore: 0.5 };

test("what is above its limit or was not measured is missed", () => {
  const figures = { a: 10, b: 10.1, c: Number.NaN };
  expect(missesOf({ figures, limits: { a: 10, b: 10, c: 10, d: 10 } })).toEqual(["b", "c", "d"]);
});

test("a miss is said in the table and in the line for machines", () => {
  const text = answerText(
    {
      question: "parts",
      head: ["from a to b", "p50 ms", "p99 ms"],
      rows: [{ what: "all", figures: ["p50Ms", "p99Ms"] }],
      figures: { p50Ms: 120.04, p99Ms: 500 },
      limits: { p99Ms: 400 },
      notes: ["a note"],
      shape: { frames: 1 },
    },
    machine,
  );
  const lines = text.trimEnd().split("\n");
  expect(lines.map((one) => one.split(/ {2,}/).join("|"))).toEqual([
    "from a to b|p50 ms|p99 ms",
    "all|120|500",
    "|to reach|400",
    "MISSED: p99Ms is 500, not 400",
    "a note",
    "commit abc, Node v20, 2 cores of a processor, data on /dev/x ext4, load 0.5 before",
    lines[6],
  ]);
  expect(JSON.parse(lines[6] ?? "")).toMatchObject({ bench: "video", p50Ms: 120.04, misses: ["p99Ms"] });
});
