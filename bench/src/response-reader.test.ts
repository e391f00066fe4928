import { expect, test } from "vitest";
import { ResponseReader } from "./response-reader.js";

const response = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhello");

test("any chunking gives the same response, again and again", () => {
  const reader = new ResponseReader();
  for (let size = 1; size <= response.length; size++) {
    const found = [];
    for (let at = 0; at < response.length; at += size) found.push(reader.push(response.subarray(at, at + size)));
    expect(found.filter((one) => one !== undefined)).toEqual([{ status: 200, body: Buffer.from("hello") }]);
    expect(found.at(-1)).toBeDefined();
  }
});

test("what it cannot read is an error, not a wait", () => {
  expect(() => new ResponseReader().push(Buffer.from("HTTP/1.1 200 OK\r\n\r\n"))).toThrow("cannot read");
  expect(() => new ResponseReader().push(Buffer.concat([response, response]))).toThrow("more than");
});
