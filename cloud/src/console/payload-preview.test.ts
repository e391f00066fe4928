import fc from "fast-check";
import { expect, test } from "vitest";
import { previewPayload } from "./payload-preview.js";

const long = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / Buffer.byteLength(text)));

test.each([
  ["an object", '{"a":1}', { kind: "json", text: '{"a":1}', isCut: false }],
  ["a lone number, which is no reading", "42", { kind: "text", text: "42", isCut: false }],
  ["what only begins as JSON", '{"a":', { kind: "text", text: '{"a":', isCut: false }],
  ["nothing", "", { kind: "text", text: "", isCut: false }],
  ["markup, which stays text", "<script>", { kind: "text", text: "<script>", isCut: false }],
])("%s", (_, data, preview) => {
  expect(previewPayload(Buffer.from(data))).toEqual(preview);
});

test("bytes that are no text are shown as hexadecimal pairs", () => {
  expect(previewPayload(Buffer.from([0, 255, 16]))).toEqual({ kind: "binary", text: "00 ff 10", isCut: false });
});

test("long text is cut between characters", () => {
  for (const character of ["a", "é", "水", "🌊"]) {
    const { kind, text, isCut } = previewPayload(Buffer.from(long(character, 5000)));
    expect([kind, isCut]).toEqual(["text", true]);
    expect(text).toBe(character.repeat(Math.floor(2048 / Buffer.byteLength(character))));
  }
});

test("no bytes make it throw or grow", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      const { kind, text } = previewPayload(Buffer.from(bytes));
      expect(text.length).toBeLessThanOrEqual(2048);
      if (kind === "json") JSON.parse(text);
    }),
  ));
