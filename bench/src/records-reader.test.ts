import { expect, test } from "vitest";
import { RecordsReader } from "./records-reader.js";

function response(records: number): Buffer {
  const Records = Array.from({ length: records }, (_, i) => ({ SequenceNumber: `49${i}`, Data: "A".repeat(50 * i) }));
  const body = JSON.stringify({ MillisBehindLatest: 1, Records, NextShardIterator: "next" });
  return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nx: y\r\n\r\n${body}`);
}

test("any chunking counts the same records, again and again, though the memory of the chunks is used again", () => {
  const reader = new RecordsReader();
  const memory = Buffer.alloc(20_000);
  for (const bytes of [response(0), response(3), response(25)]) {
    const whole = reader.push(Buffer.from(bytes));
    expect(whole?.edges).toContain('"MillisBehindLatest":1');
    expect(whole?.edges).toContain('"NextShardIterator":"next"');
    for (const size of [1, 2, 7, 16, 17, 18, 19, 50, 333, 4096, 20_000]) {
      let found;
      for (let at = 0; at < bytes.length; at += size) {
        expect(found).toBeUndefined();
        const copied = bytes.copy(memory, 0, at, Math.min(bytes.length, at + size));
        found = reader.push(memory.subarray(0, copied));
      }
      expect(found?.records).toBe(whole?.records);
      expect(found?.edges).toBe(whole?.edges);
    }
  }
  expect(reader.push(response(25))?.records).toBe(25);
});

test("what it cannot read is an error, not a wait", () => {
  expect(() => new RecordsReader().push(Buffer.from("HTTP/1.1 200 OK\r\n\r\n"))).toThrow("cannot read");
  expect(() => new RecordsReader().push(Buffer.concat([response(1), response(1)]))).toThrow("more than");
});
