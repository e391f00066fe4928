import { endOfFragment, MatroskaReader, tagsElement } from "@headwater/protocol/matroska";
import { describe, expect, test } from "vitest";
import { AUDIO, cluster, header, type TestFrame, VIDEO } from "../testing/producer-document.js";
import { FragmentCutter } from "./fragment-cutter.js";
import { PutMediaFault } from "./put-media-fault.js";

/** What becomes of a body, shortly: `begin 1000`, `a` for a frame's data, `#name` for a tag, `end 800`. */
function cut(...body: readonly Buffer[]): string[] {
  const said: string[] = [];
  const cutter = new FragmentCutter();
  const reader = new MatroskaReader();
  const hear = (steps: ReturnType<FragmentCutter["take"]>): void => {
    for (const step of steps) {
      if (step.kind === "begin") said.push(`begin ${step.timecodeMs}`);
      else if (step.kind === "frame") said.push(String(step.frame.data));
      else if (step.kind === "tag") said.push(`#${step.tag.name}`);
      else said.push(step.kind === "end" ? `end ${step.durationMs}` : step.kind);
    }
  };
  try {
    for (const event of reader.push(Buffer.concat(body))) hear(cutter.take(event));
    for (const event of reader.end()) hear(cutter.take(event));
    hear(cutter.end());
  } catch (error) {
    if (!(error instanceof PutMediaFault)) throw error;
    said.push(error.code);
  }
  return said;
}

const tag = (name: string): Buffer => tagsElement([{ name, value: "v" }]);
const key = (at: number, data: string): TestFrame => ({ at, data, isKey: true });
const delta = (at: number, data: string): TestFrame => ({ at, data });
const sound = (at: number, data: string): TestFrame => ({ at, data, track: 2, isKey: true });

describe("a fragment ends", () => {
  const one = cluster(1000, [key(0, "a"), delta(100, "b")]);
  const two = cluster(2000, [key(0, "c"), delta(100, "d")]);
  const cutInTwo = ["begin 1000", "a", "b", "end 200", "begin 2000", "c", "d", "end 200"];

  test("before the next Cluster that begins with a key frame, and with the input", () => {
    expect(cut(header(), one, two)).toEqual(cutInTwo);
  });

  test("at the end-of-fragment tag", () => {
    expect(cut(header(), one, endOfFragment(), two, endOfFragment())).toEqual(cutInTwo);
  });

  test("with its document, after which time may begin anew", () => {
    expect(cut(header(), two, header(), one)).toEqual([...cutInTwo.slice(4), ...cutInTwo.slice(0, 4)]);
  });

  test("not with a Cluster that begins within a group of pictures, as ffmpeg's do", () => {
    const inside = cluster(1200, [delta(0, "x"), key(100, "y")]);
    expect(cut(header(), one, inside, two)).toEqual([
      "begin 1000",
      "a",
      "b",
      "x",
      "y",
      "end 400",
      ...cutInTwo.slice(4),
    ]);
  });
});

function lengths(...body: readonly Buffer[]): string[] {
  return cut(...body).filter((said) => said.startsWith("end"));
}

describe("where there is sound", () => {
  const tracks = [VIDEO, AUDIO];

  test("the first picture of a Cluster says whether a fragment begins, and the sound before it belongs to it", () => {
    const first = cluster(0, [sound(0, "s1"), key(10, "a"), sound(20, "s2")]);
    const inside = cluster(100, [sound(0, "s3"), delta(10, "b")]);
    const second = cluster(200, [sound(0, "s4"), key(10, "c")]);
    expect(cut(header(tracks), first, inside, second)).toEqual([
      "begin 0",
      "s1",
      "a",
      "s2",
      "s3",
      "b",
      "end 200",
      "begin 200",
      "s4",
      "c",
      "end 200",
    ]);
  });

  test("a Cluster without pictures goes on with the fragment", () => {
    expect(cut(header(tracks), cluster(0, [key(0, "a")]), cluster(50, [sound(0, "s")]))).toEqual([
      "begin 0",
      "a",
      "s",
      "end 0",
    ]);
  });

  test("that comes before the pictures, a fragment lasts until the next where that is when its pictures end", () => {
    const early = cluster(0, [sound(0, "s"), key(300, "a"), delta(400, "b")]);
    const pictures = cluster(500, [key(0, "c"), delta(100, "d")]);
    expect(lengths(header(tracks), early, pictures)).toEqual(["end 500", "end 200"]);
    const alsoEarly = cluster(200, [sound(0, "s"), key(300, "c"), delta(400, "d")]);
    expect(lengths(header(tracks), early, alsoEarly)).toEqual(["end 200", "end 200"]);
    const later = cluster(5000, [key(0, "c")]);
    expect(lengths(header(tracks), early, later)[0]).toBe("end 500");
  });

  test("and nothing else, every Cluster is a fragment", () => {
    const only = [{ ...AUDIO, number: 1 }];
    const body = [cluster(0, [key(0, "a"), key(20, "b")]), cluster(40, [key(0, "c")])];
    expect(cut(header(only), ...body)).toEqual(["begin 0", "a", "b", "end 40", "begin 40", "c", "end 40"]);
  });
});

describe("tags", () => {
  test("belong to the Cluster before them, those before the first to the first", () => {
    const body = [
      tag("mine"),
      cluster(0, [key(0, "a")], [{ name: "x", value: "1" }]),
      cluster(9, [key(0, "b")]),
      tag("y"),
    ];
    expect(cut(header(), ...body)).toEqual(["begin 0", "#mine", "a", "#x", "end 0", "begin 9", "b", "#y", "end 9"]);
  });

  test("of GetMedia do not come in again", () => {
    const names = ["FRAGMENT_NUMBER", "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP", "CONTINUATION_TOKEN"];
    const tags = names.map((name) => ({ name: `AWS_KINESISVIDEO_${name}`, value: "1" }));
    expect(cut(header(), tagsElement(tags), cluster(0, [key(0, "a")], tags))).toEqual(["begin 0", "a", "end 0"]);
  });

  test("of one fragment in several Clusters are counted together", () => {
    const tags = Array.from({ length: 6 }, (_, i) => ({ name: `t${i}`, value: "" }));
    const said = cut(header(), cluster(0, [key(0, "a")], tags), cluster(10, [delta(0, "b")], tags));
    expect(said.at(-1)).toBe("FRAGMENT_METADATA_LIMIT_REACHED");
  });
});

describe("a fragment of one frame lasts", () => {
  test("as long as its track says", () => {
    const tracks = [{ ...VIDEO, defaultDurationNs: 40_000_000 }];
    const body = [cluster(0, [key(0, "a")]), cluster(2000, [key(0, "b")])];
    expect(cut(header(tracks), ...body)).toEqual(["begin 0", "a", "end 40", "begin 2000", "b", "end 40"]);
  });

  test("as it was since the one before, as of a camera that takes a picture every other second", () => {
    const body = [0, 2000, 4000, 60_000].map((at) => cluster(at, [key(0, "a")]));
    expect(lengths(header(), ...body)).toEqual(["end 0", "end 2000", "end 2000", "end 0"]);
  });
});

test("frames before the first key frame are no part of any fragment", () => {
  expect(cut(header(), cluster(0, [delta(0, "x"), key(10, "y")]), cluster(20, [key(0, "a")]))).toEqual([
    "undecodable",
    "undecodable",
    "begin 20",
    "a",
    "end 0",
  ]);
});

describe("a body is refused", () => {
  test("whose fragments go back in time", () => {
    const said = cut(header(), cluster(10, [key(0, "a")]), cluster(9, [key(0, "b")]));
    expect(said).toEqual(["begin 10", "a", "end 0", "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"]);
  });

  test("whose fragment is longer than 20 seconds", () => {
    const body = [cluster(0, [key(0, "a")]), cluster(20_000, [delta(0, "b")]), cluster(20_001, [delta(0, "c")])];
    expect(cut(header(), ...body)).toEqual(["begin 0", "a", "b", "MAX_FRAGMENT_DURATION_REACHED"]);
  });

  test("whose frame is far before its fragment", () => {
    const said = cut(header(), cluster(30_000, [key(0, "a"), delta(-20_001, "b")]));
    expect(said).toEqual(["begin 30000", "a", "INVALID_MKV_DATA"]);
  });

  test("whose fragment is larger than 50 MiB", () => {
    const large = Buffer.alloc(13 << 20);
    const body = [0, 10, 20, 30].map((at) => cluster(at, [{ at: 0, data: large, isKey: at === 0 }]));
    expect(cut(header(), ...body).at(-1)).toBe("MAX_FRAGMENT_SIZE_REACHED");
  });

  test("whose fragment has more than 65,536 frames", () => {
    const first = cluster(0, [key(0, "a")]);
    const block = cluster(0, [key(0, "a"), delta(1, "b")]).subarray(first.length);
    const said = cut(header(), first, Buffer.alloc(65_535 * block.length, block), block);
    expect([said.length, said.at(-1)]).toEqual([1 + 65_536 + 1, "MAX_FRAGMENT_SIZE_REACHED"]);
  });

  test("whose frame is larger than one record of the log", () => {
    const body = cluster(0, [{ at: 0, data: Buffer.alloc(16 << 20), isKey: true }]);
    expect(cut(header(), body)).toEqual(["MAX_FRAGMENT_SIZE_REACHED"]);
  });

  test("whose time is none", () => {
    expect(cut(header(), cluster(9e15, [key(0, "a")]))).toEqual(["INVALID_PRODUCER_TIMESTAMP"]);
  });
});
