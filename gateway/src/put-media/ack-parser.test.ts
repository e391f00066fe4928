import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Ack, reactionTo } from "./ack.js";
import { AckParser } from "./ack-parser.js";
import { PutMediaError } from "./put-media-error.js";

const fragmentNumber = "91343852333181531502161607852955530730504675150";
const text = [
  `{"EventType":"BUFFERING","FragmentTimecode":1795188690051,"FragmentNumber":"${fragmentNumber}"}`,
  '{"EventType":"IDLE"}',
  `{"EventType" : "ERROR", "ErrorId":4006, "ErrorCode":"INVALID_MKV_DATA \\"}{é"}`,
  '{"EventType":"TOMORROW"}',
  '{"EventType":"PERSISTED","FragmentTimecode":0}',
].join("\n");
const acks: Ack[] = [
  { event: "BUFFERING", fragmentTimecodeMs: 1795188690051, fragmentNumber },
  { event: "IDLE" },
  {
    event: "ERROR",
    errorId: 4006,
    errorCode: 'INVALID_MKV_DATA "}{é',
    fragmentTimecodeMs: undefined,
    fragmentNumber: undefined,
  },
  { event: "PERSISTED", fragmentTimecodeMs: 0, fragmentNumber: undefined },
];

test("acknowledgements are read alike however they are cut", () =>
  fc.assert(
    fc.property(fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 12 }), (cuts) => {
      const bytes = Buffer.from(text);
      const parser = new AckParser();
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const found = bounds.flatMap((from, i) => [...parser.push(bytes.subarray(from, bounds[i + 1] ?? bytes.length))]);
      expect(found).toEqual(acks);
    }),
  ));

test.each([
  ["no object", "PERSISTED"],
  ["no JSON", '{"EventType":PERSISTED}'],
  ["an error without its number", '{"EventType":"ERROR","ErrorCode":"X"}'],
  ["a fragment without its time", '{"EventType":"PERSISTED","FragmentTimecode":"1"}'],
])("refuses %s", (_name, answer) => {
  expect(() => [...new AckParser().push(Buffer.from(answer))]).toThrow(
    expect.objectContaining({ name: "PutMediaError", code: "malformed-answer" }),
  );
});

test("an acknowledgement that does not end is not kept", () => {
  const parser = new AckParser();
  const push = (): void => {
    for (let i = 0; i < 100; i++) parser.push(Buffer.from('{"'.padEnd(1000, "x"))).next();
  };
  expect(push).toThrow(PutMediaError);
});

test.each([
  [4000, "resend"],
  [4002, "skip"],
  [4003, "resend"],
  [4006, "skip"],
  [4007, "skip"],
  [4008, "stop"],
  [4503, "stop"],
  [5000, "resend"],
] as const)("what to do about error %i", (errorId, reaction) => {
  expect(reactionTo(errorId)).toBe(reaction);
});
