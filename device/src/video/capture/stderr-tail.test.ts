import { expect, test } from "vitest";
import { StderrTail } from "./stderr-tail.js";

test("keeps the last lines, however they are cut", () => {
  const tail = new StderrTail();
  for (const part of ["first\nsec", "ond\n\nthi", "rd"]) tail.append(part);
  expect(tail.lines()).toEqual(["first", "second", "third"]);
});

test("memory is bounded, and no credentials show, whether their line is whole or cut", () => {
  const tail = new StderrTail();
  for (let i = 0; i < 500; i++) {
    tail.append("rtsp://admin:sec");
    tail.append(`ret@camera/${i}: lost\n`);
    expect(tail.lines().join("\n")).not.toMatch(/sec|ret/);
  }
  expect(tail.lines().at(-1)).toBe("rtsp://***@camera/499: lost");
  expect(tail.lines().join("\n").length).toBeLessThan(4096);
});
